//! Aliases: names that lead to one version or, by weight, to two. Does not check what makes a route well formed.

use super::{
    ALIASES_MAX, Alias, Change, Error, Machine, Route, change,
    registry::{standing, users},
};
use crate::engine::Engine;

/// What becomes of an alias; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct AliasChange {
    /// A new description.
    pub description: Option<String>,
    /// New routes.
    pub routes: Option<Vec<Route>>,
}

impl Engine {
    /// Makes an alias. The same call again gives the alias that is.
    pub async fn create_alias(
        &self,
        machine: &str,
        name: &str,
        description: Option<&str>,
        routes: &[Route],
    ) -> Result<Alias, Error> {
        let now = self.clock().now();
        change(self.store(), machine, |found| {
            let machine = users(found, machine)?;
            check_routes(machine, routes)?;
            if let Some(alias) = machine.alias(name) {
                let is_same = alias.description.as_deref() == description && alias.routes == routes;
                return match is_same {
                    true => Ok(Change::keep(alias.clone())),
                    false => Err(Error::AliasExists(name.to_owned())),
                };
            }
            if machine.aliases.len() >= ALIASES_MAX {
                return Err(Error::TooMany { what: "aliases", most: ALIASES_MAX });
            }
            let alias = Alias {
                name: name.to_owned(),
                description: description.map(str::to_owned),
                routes: routes.to_vec(),
                created_at: now,
                updated_at: now,
            };
            let place = machine.aliases.partition_point(|other| *other.name < *name);
            machine.aliases.insert(place, alias.clone());
            Ok(Change::write(alias))
        })
        .await
    }

    /// Changes an alias.
    pub async fn update_alias(
        &self,
        machine: &str,
        name: &str,
        update: &AliasChange,
    ) -> Result<Alias, Error> {
        let now = self.clock().now();
        change(self.store(), machine, |found| {
            let machine = users(found, machine)?;
            check_routes(machine, update.routes.as_deref().unwrap_or_default())?;
            let alias = machine.aliases.iter_mut().find(|alias| alias.name == name);
            let alias = alias.ok_or_else(|| Error::NotFound(name.to_owned()))?;
            if let Some(description) = &update.description {
                alias.description = Some(description.clone());
            }
            if let Some(routes) = &update.routes {
                alias.routes.clone_from(routes);
            }
            alias.updated_at = now;
            Ok(Change::write(alias.clone()))
        })
        .await
    }

    /// Deletes an alias. One that does not exist is deleted already.
    pub async fn delete_alias(&self, machine: &str, name: &str) -> Result<(), Error> {
        change(self.store(), machine, |found| {
            let machine = users(standing(found), machine)?;
            machine.aliases.retain(|alias| alias.name != name);
            Ok(Change::write(()))
        })
        .await
    }
}

impl Alias {
    /// The version that an execution goes to; `dice` is any number.
    pub fn version(&self, dice: u64) -> Option<u64> {
        let mut left = dice % self.routes.iter().map(|route| route.weight).sum::<u64>().max(1);
        for route in &self.routes {
            match left.checked_sub(route.weight) {
                None => return Some(route.version),
                Some(rest) => left = rest,
            }
        }
        None
    }
}

fn check_routes(machine: &Machine, routes: &[Route]) -> Result<(), Error> {
    match routes.iter().find(|route| machine.version(route.version).is_none()) {
        None => Ok(()),
        Some(route) => Err(Error::NotFound(route.version.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use shipway_asl::Timestamp;

    use super::*;

    #[test]
    fn executions_go_where_the_weights_lead() {
        let routes = vec![Route { version: 1, weight: 90 }, Route { version: 2, weight: 10 }];
        let at = Timestamp(0);
        let alias = Alias { name: "a".into(), description: None, routes, created_at: at, updated_at: at };
        let count = |version| (0..1_000).filter(|dice| alias.version(*dice) == Some(version)).count();
        assert_eq!((count(1), count(2)), (900, 100));
    }

    #[test]
    fn a_route_of_weight_zero_gets_nothing() {
        let routes = vec![Route { version: 1, weight: 0 }, Route { version: 2, weight: 100 }];
        let at = Timestamp(0);
        let alias = Alias { name: "a".into(), description: None, routes, created_at: at, updated_at: at };
        assert!((0..200).all(|dice| alias.version(dice) == Some(2)));
    }
}
