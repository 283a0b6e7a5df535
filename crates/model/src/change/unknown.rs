//! Values that nobody knows before a change is made.

/// In the place of a CIDR: one that is not known yet. An entry of a prefix list with it makes the entries unknown.
pub const UNKNOWN: &str = "unknown";

/// What marks ids that are not known yet; no id of AWS's has it, for those are hexadecimal.
const MARK: &str = "unknown-";

/// An id of the kind that `prefix` begins, in the place of one that is not known yet: `pl-unknown-web`. Calls accept it
/// where they accept the id of something outside the snapshot, also where the snapshot is complete: a rule whose peer
/// is such a prefix list may admit anything of its ports and surely admits nothing, a route to such a gateway may lead
/// anywhere.
pub fn unknown_id(prefix: &str, what: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    prefix.chars().chain(MARK.chars()).chain(what.chars().map(keep)).collect()
}

/// Whether `id` stands for one that is not known yet.
pub fn is_unknown(id: &str) -> bool {
    id.split_once('-').is_some_and(|(_, rest)| rest.starts_with(MARK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_id_is_an_id_and_tells_what_it_is() {
        let id = unknown_id("pl-", "module.a[\"x\"].aws_security_group.web 0");
        assert!(id.parse::<crate::ids::PrefixListId>().is_ok(), "{id}");
        assert!(is_unknown(&id));
        assert!(!is_unknown("pl-0123") && !is_unknown("new:unknown-x") && !is_unknown(UNKNOWN));
    }
}
