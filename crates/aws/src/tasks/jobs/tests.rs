//! The table against AWS's service models and the integrations that the language knows.

use shipway_asl::integration::{INTEGRATIONS, Pattern};

use super::{table::JOBS, *};

fn operation(service: &str, action: &str) -> Operation<'static> {
    Service::load(optimized::service(service)).unwrap().operation(action).unwrap()
}

#[test]
fn every_job_of_the_language_is_waited_for() {
    for integration in INTEGRATIONS {
        for action in integration.actions.iter().filter(|action| action.patterns.contains(&Pattern::Sync)) {
            let is_elsewhere =
                matches!((integration.service, action.name), ("states", _) | ("eks", "runJob"));
            let found = find(integration.service, action.name);
            assert_eq!(found.is_some(), !is_elsewhere, "{}:{}", integration.service, action.name);
        }
    }
    for job in JOBS {
        for action in job.actions {
            let known = shipway_asl::integration::service(job.service).unwrap().action(action).unwrap();
            assert!(known.patterns.contains(&Pattern::Sync), "{}:{action}", job.service);
        }
    }
}

#[test]
fn the_models_have_every_call_and_its_members() {
    for job in JOBS {
        for call in [Some(&job.look), job.stop.as_ref()].into_iter().flatten() {
            let operation = operation(job.service, call.action);
            for (name, _) in call.input {
                assert!(has(operation, name), "{}:{} has no `{name}`", job.service, call.action);
            }
            let Some(Kind::Structure(input)) = operation.input().map(|shape| shape.kind()) else { panic!() };
            for member in input.required() {
                let is_told =
                    member.name() == "reason" || call.input.iter().any(|(name, _)| *name == member.name());
                assert!(is_told, "{}:{} needs `{}`", job.service, call.action, member.name());
            }
        }
    }
}

/// The shape that a pointer with the integration's names leads to.
fn at<'a>(operation: Operation<'a>, pointer: &str) -> Option<crate::models::Shape<'a>> {
    let mut shape = operation.output()?;
    for part in pointer.split('/').skip(1) {
        shape = match shape.kind() {
            Kind::List(item) => item,
            Kind::Structure(structure) => {
                structure.members().find(|member| optimized::capitalised(member.name()) == part)?.shape()
            }
            _ => return None,
        };
    }
    Some(shape)
}

#[test]
fn states_are_where_the_models_have_them_and_mean_what_they_mean() {
    for job in JOBS {
        let look = operation(job.service, job.look.action);
        let state = at(look, job.state).unwrap_or_else(|| panic!("{}: no {}", job.service, job.state));
        let Kind::String { values, .. } = state.kind() else {
            assert_eq!(job.service, "ecs", "{}", job.state);
            continue;
        };
        let (done, failed): (&[&str], &[&str]) = match job.end {
            End::States(done, failed) => (done, failed),
            End::Gone(failed) => (&[], failed),
            End::Containers(_) => continue,
        };
        for state in done.iter().chain(failed) {
            assert!(values.iter().any(|value| value == state), "{}: {state}", job.service);
        }
        if let Shown::Part(place) | Shown::Named(_, place) = job.shown {
            assert!(at(look, place).is_some(), "{}: {place}", job.service);
        }
    }
}

#[test]
fn a_task_of_containers_is_clean_if_all_of_them_are() {
    for (task, is_clean_) in [
        (
            json!({"StopCode": "EssentialContainerExited", "Containers": [{"ExitCode": 0}, {"ExitCode": 0}]}),
            true,
        ),
        (
            json!({"StopCode": "EssentialContainerExited", "Containers": [{"ExitCode": 0}, {"ExitCode": 1}]}),
            false,
        ),
        (json!({"StopCode": "EssentialContainerExited", "Containers": [{"Reason": "OutOfMemory"}]}), false),
        (json!({"StopCode": "TaskFailedToStart", "Containers": []}), false),
    ] {
        assert_eq!(is_clean(&json!({"Tasks": [task]})), is_clean_, "{task}");
    }
}

#[test]
fn a_cluster_is_shown_with_its_id() {
    let job = find("elasticmapreduce", "createCluster").unwrap();
    let submitted = json!({"SdkHttpMetadata": {}, "ClusterId": "j-1"});
    let told = shown(job, json!({"Cluster": {"Id": "j-1"}}), &submitted);
    assert_eq!(told.to_string(), r#"{"Cluster":{"Id":"j-1"},"ClusterId":"j-1"}"#);
}
