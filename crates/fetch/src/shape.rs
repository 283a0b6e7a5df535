//! The shapes of EC2's and Elastic Load Balancing's answers: which element of the XML is which member of the JSON that
//! the AWS CLI prints.
//!
//! The tables are made from AWS's own service models (`shapes/make.py`). An element that they do not know is newer than
//! they are; it is kept all the same, under its name on the wire.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// What stands in an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text, times among it.
    Text,
    /// A number, written without quotes in JSON.
    Number,
    /// `true` or `false`.
    Flag,
    /// `<entry><key/><value/></entry>`.
    Map,
    /// One element per item.
    List(Box<Kind>),
    /// A structure: index into [`Shapes::shapes`].
    Shape(usize),
    /// Nothing is known of it.
    Unknown,
}

/// One member of a structure.
#[derive(Debug)]
pub(crate) struct Member {
    /// The name in JSON.
    pub name: &'static str,
    /// The element's name.
    pub wire: &'static str,
    /// What stands in it.
    pub kind: Kind,
}

/// The shapes of one service.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    operations: FxHashMap<&'static str, Kind>,
    shapes: Vec<Vec<Member>>,
}

static EC2: LazyLock<Shapes> = LazyLock::new(|| Shapes::read(include_str!("../shapes/ec2.txt")));
static BALANCING: LazyLock<Shapes> = LazyLock::new(|| Shapes::read(include_str!("../shapes/elbv2.txt")));

impl Shapes {
    pub(crate) fn ec2() -> &'static Self {
        &EC2
    }

    pub(crate) fn balancing() -> &'static Self {
        &BALANCING
    }

    /// What `operation` (`DescribeVpcs`) answers.
    pub(crate) fn answer(&self, operation: &str) -> &Kind {
        self.operations.get(operation).unwrap_or(&Kind::Unknown)
    }

    pub(crate) fn members(&self, shape: usize) -> &[Member] {
        self.shapes.get(shape).map_or(&[], Vec::as_slice)
    }

    /// Reads a table; its form stands in `shapes/make.py`.
    fn read(table: &'static str) -> Self {
        let lines = || table.lines().filter(|line| !line.starts_with('#'));
        let heads = lines().filter(|line| !line.starts_with(' ') && !line.contains(" -> "));
        let names: FxHashMap<&str, usize> = heads.enumerate().map(|(index, name)| (name, index)).collect();
        let mut shapes = Self::default();
        for line in lines() {
            if let Some((operation, shape)) = line.split_once(" -> ") {
                shapes.operations.insert(operation, kind(shape, &names));
            } else if let Some(member) = line.strip_prefix("  ") {
                let mut words = member.split(' ');
                if let (Some(name), Some(wire), Some(text)) = (words.next(), words.next(), words.next())
                    && let Some(shape) = shapes.shapes.last_mut()
                {
                    shape.push(Member { name, wire, kind: kind(text, &names) });
                }
            } else {
                shapes.shapes.push(Vec::new());
            }
        }
        shapes
    }
}

fn kind(text: &str, names: &FxHashMap<&str, usize>) -> Kind {
    match text {
        "s" => Kind::Text,
        "n" => Kind::Number,
        "b" => Kind::Flag,
        "m" => Kind::Map,
        _ => match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(inner) => Kind::List(Box::new(kind(inner, names))),
            None => names.get(text).map_or(Kind::Unknown, |&shape| Kind::Shape(shape)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        for shapes in [Shapes::ec2(), Shapes::balancing()] {
            assert!(!shapes.operations.is_empty());
            assert!(shapes.operations.values().all(|kind| matches!(kind, Kind::Shape(_))));
            let inner = |kind: &Kind| match kind {
                Kind::List(inner) => (**inner).clone(),
                other => other.clone(),
            };
            let members = shapes.shapes.iter().flatten();
            assert!(members.map(|member| inner(&member.kind)).all(|kind| kind != Kind::Unknown));
        }
    }

    #[test]
    fn a_member_has_the_name_of_the_wire() {
        let shapes = Shapes::ec2();
        let Kind::Shape(answer) = shapes.answer("DescribeNetworkInterfaces") else { panic!() };
        let list = &shapes.members(*answer)[0];
        assert_eq!((list.name, list.wire), ("NetworkInterfaces", "networkInterfaceSet"));
        let Kind::List(inner) = &list.kind else { panic!() };
        let Kind::Shape(interface) = **inner else { panic!() };
        let groups = shapes.members(interface).iter().find(|member| member.name == "Groups").unwrap();
        assert_eq!(groups.wire, "groupSet");
    }
}
