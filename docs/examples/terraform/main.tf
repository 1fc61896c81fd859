# State machines, activities and aliases in `shipway serve`, by Terraform's own AWS provider:
#
#   shipway serve --region us-east-1 & eval "$(shipway key create)"
#   terraform init && terraform apply -var endpoint=http://127.0.0.1:7420

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.40"
    }
  }
}

variable "endpoint" {
  description = "Where the server listens."
  type        = string
  default     = "http://127.0.0.1:7420"
}

variable "greeting" {
  description = "What the machine says; another one makes another version."
  type        = string
  default     = "hello"
}

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true # they are Shipway's keys, which AWS does not know
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true

  endpoints {
    sfn = var.endpoint
  }
}

resource "aws_sfn_activity" "work" {
  name = "work"
  tags = { team = "web" }
}

resource "aws_sfn_state_machine" "greeter" {
  name     = "greeter"
  role_arn = "arn:aws:iam::000000000000:role/greeter"
  publish  = true

  definition = jsonencode({
    StartAt = "Greet"
    States = {
      Greet = { Type = "Pass", Result = { greeting = var.greeting }, Next = "Work" }
      Work  = { Type = "Task", Resource = aws_sfn_activity.work.id, TimeoutSeconds = 3600, End = true }
    }
  })

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "arn:aws:logs:us-east-1:000000000000:log-group:/greeter:*"
  }

  tracing_configuration {
    enabled = true
  }

  tags = { team = "web" }
}

resource "aws_sfn_alias" "live" {
  name        = "live"
  description = "what users get"

  routing_configuration {
    state_machine_version_arn = aws_sfn_state_machine.greeter.state_machine_version_arn
    weight                    = 100
  }
}

output "live" {
  description = "What to start executions of."
  value       = aws_sfn_alias.live.arn
}
