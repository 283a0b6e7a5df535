//! One page of an answer, from XML to the JSON that the AWS CLI prints for it.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use crate::page::Page;
use crate::shape::{Kind, Shapes};

/// The text is not what AWS writes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the answer is not XML: {0}")]
    Xml(#[from] quick_xml::Error),
    #[error("the answer is not UTF-8 text")]
    Text,
    #[error("the answer ends too soon")]
    End,
    #[error("the answer is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the answer has structures within structures beyond reason")]
    Depth,
}

/// Structures within structures in any answer of AWS: about ten.
const DEPTH: usize = 64;

/// Reads the answer to `operation`: the elements of the list `key` one by one, everything else as it stands.
///
/// # Errors
///
/// Text that is not XML, or ends within an element.
pub(crate) fn page(shapes: &'static Shapes, operation: &str, key: &str, body: &[u8]) -> Result<Page, Broken> {
    let body = std::str::from_utf8(body).map_err(|_| Broken::Text)?;
    let mut input = Input { shapes, reader: Reader::from_str(body), depth: 0 };
    input.root(operation)?;
    let mut page = Page::default();
    let shape = shapes.answer(operation);
    let result = format!("{operation}Result");
    let mut inside = false;
    loop {
        let (wire, empty) = match input.next()? {
            Token::Start(wire) => (wire, false),
            Token::Empty(wire) => (wire, true),
            Token::Text(_) => continue,
            // Of the result, then of the response.
            Token::End if inside => {
                inside = false;
                continue;
            }
            Token::End => return Ok(page),
        };
        match &*wire {
            // Elastic Load Balancing wraps what it answers.
            name if name == result => {
                inside = !empty;
                continue;
            }
            "requestId" | "ResponseMetadata" => {
                if !empty {
                    input.skip()?;
                }
                continue;
            }
            _ => {}
        }
        let (name, kind) = input.member(shape, &wire);
        if let Kind::List(item) = kind
            && name == key
        {
            page.listed = true;
            if !empty {
                input.items(item, |text| page.items.push(text))?;
            }
        } else if let Some(text) = input.value(kind, empty)? {
            page.rest.push((name.into_owned(), text));
        }
    }
}

enum Token {
    Start(String),
    Empty(String),
    Text(String),
    End,
}

struct Input<'i> {
    shapes: &'static Shapes,
    reader: Reader<&'i [u8]>,
    depth: usize,
}

impl Input<'_> {
    fn next(&mut self) -> Result<Token, Broken> {
        loop {
            return Ok(match self.reader.read_event()? {
                Event::Start(start) => Token::Start(start.local_name().as_ref().to_owned()),
                Event::Empty(start) => Token::Empty(start.local_name().as_ref().to_owned()),
                Event::End(_) => Token::End,
                Event::Text(text) => Token::Text(text.to_string()),
                Event::CData(text) => Token::Text(text.to_string()),
                Event::GeneralRef(reference) => Token::Text(resolved(&reference)?),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => continue,
                Event::Eof => return Err(Broken::End),
            });
        }
    }

    /// Goes into the element that holds the answer: `<DescribeVpcsResponse>`.
    fn root(&mut self, operation: &str) -> Result<(), Broken> {
        loop {
            match self.next()? {
                Token::Start(name) if name.strip_suffix("Response") == Some(operation) => return Ok(()),
                // What comes before the root, a line break after the declaration.
                Token::Text(_) => {}
                Token::Start(_) | Token::Empty(_) | Token::End => return Err(Broken::End),
            }
        }
    }

    /// The member that the element `wire` of `kind` is.
    fn member(&self, kind: &Kind, wire: &str) -> (Cow<'static, str>, &'static Kind) {
        if let Kind::Shape(shape) = kind
            && let Some(member) = self.shapes.members(*shape).iter().find(|member| member.wire == wire)
        {
            return (member.name.into(), &member.kind);
        }
        (pascal(wire).into(), &Kind::Unknown)
    }

    /// The value of the element that has just begun, as JSON; `None` where it says nothing.
    fn value(&mut self, kind: &Kind, empty: bool) -> Result<Option<String>, Broken> {
        if empty {
            return Ok(match kind {
                Kind::Text => Some("\"\"".to_owned()),
                Kind::List(_) => Some("[]".to_owned()),
                Kind::Shape(_) | Kind::Map => Some("{}".to_owned()),
                Kind::Number | Kind::Flag | Kind::Unknown => None,
            });
        }
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Broken::Depth);
        }
        let value = match kind {
            Kind::List(item) => {
                let mut items = Vec::new();
                self.items(item, |text| items.push(text))?;
                Some(format!("[{}]", items.join(",")))
            }
            Kind::Shape(_) => Some(self.structure(kind)?),
            Kind::Map => Some(self.map()?),
            Kind::Text | Kind::Number | Kind::Flag | Kind::Unknown => Some(self.leaf(kind)?),
        };
        self.depth -= 1;
        Ok(value)
    }

    /// The items of a list, whatever their elements are called.
    fn items(&mut self, item: &Kind, mut each: impl FnMut(String)) -> Result<(), Broken> {
        loop {
            let empty = match self.next()? {
                Token::Start(_) => false,
                Token::Empty(_) => true,
                Token::Text(_) => continue,
                Token::End => return Ok(()),
            };
            if let Some(text) = self.value(item, empty)? {
                each(text);
            }
        }
    }

    fn structure(&mut self, kind: &Kind) -> Result<String, Broken> {
        let mut json = String::from("{");
        loop {
            let (wire, empty) = match self.next()? {
                Token::Start(wire) => (wire, false),
                Token::Empty(wire) => (wire, true),
                Token::Text(_) => continue,
                Token::End => break,
            };
            let (name, kind) = self.member(kind, &wire);
            if let Some(value) = self.value(kind, empty)? {
                push(&mut json, &name, &value);
            }
        }
        json.push('}');
        Ok(json)
    }

    fn map(&mut self) -> Result<String, Broken> {
        let mut json = String::from("{");
        loop {
            match self.next()? {
                Token::Start(_) => {}
                Token::Empty(_) | Token::Text(_) => continue,
                Token::End => break,
            }
            let (mut key, mut value) = (String::new(), String::new());
            loop {
                match self.next()? {
                    Token::Start(part) if part == "key" => key = self.text()?,
                    Token::Start(part) if part == "value" => value = self.text()?,
                    Token::Start(_) => self.skip()?,
                    Token::Empty(_) | Token::Text(_) => {}
                    Token::End => break,
                }
            }
            push(&mut json, &key, &serde_json::Value::from(value).to_string());
        }
        json.push('}');
        Ok(json)
    }

    /// A value without members; where it has some after all, those, as their names on the wire tell.
    fn leaf(&mut self, kind: &Kind) -> Result<String, Broken> {
        let mut text = String::new();
        let mut children: Vec<(String, String)> = Vec::new();
        loop {
            let (wire, empty) = match self.next()? {
                Token::Start(wire) => (wire, false),
                Token::Empty(wire) => (wire, true),
                Token::Text(more) => {
                    text.push_str(&more);
                    continue;
                }
                Token::End => break,
            };
            let value = self.value(&Kind::Unknown, empty)?;
            children.push((wire, value.unwrap_or_else(|| "\"\"".to_owned())));
        }
        if children.is_empty() {
            return Ok(scalar(kind, text));
        }
        if children.iter().all(|(wire, _)| wire == "item" || wire == "member") {
            let items: Vec<String> = children.into_iter().map(|(_, value)| value).collect();
            return Ok(format!("[{}]", items.join(",")));
        }
        let mut json = String::from("{");
        for (wire, value) in children {
            push(&mut json, &pascal(&wire), &value);
        }
        json.push('}');
        Ok(json)
    }

    fn text(&mut self) -> Result<String, Broken> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Token::Text(more) => text.push_str(&more),
                Token::Start(_) => self.skip()?,
                Token::Empty(_) => {}
                Token::End => return Ok(text),
            }
        }
    }

    /// Leaves the element that has just begun.
    fn skip(&mut self) -> Result<(), Broken> {
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                Token::Start(_) => depth += 1,
                Token::End if depth == 0 => return Ok(()),
                Token::End => depth -= 1,
                Token::Empty(_) | Token::Text(_) => {}
            }
        }
    }
}

/// `&amp;`, `&#10;`.
fn resolved(reference: &BytesRef<'_>) -> Result<String, Broken> {
    if let Some(letter) = reference.resolve_char_ref()? {
        return Ok(letter.to_string());
    }
    let name: &str = reference;
    Ok(quick_xml::escape::resolve_predefined_entity(name).map_or_else(|| format!("&{name};"), str::to_owned))
}

fn scalar(kind: &Kind, text: String) -> String {
    let plain = match kind {
        Kind::Number => text.parse::<i64>().is_ok() || text.parse::<f64>().is_ok_and(f64::is_finite),
        Kind::Flag => text == "true" || text == "false",
        _ => false,
    };
    // A number that JSON writes in another way (`+1`, `.5`, `01`) stays text.
    if plain && serde_json::from_str::<serde_json::Value>(&text).is_ok() {
        text
    } else {
        serde_json::Value::from(text).to_string()
    }
}

/// `availabilityZone` becomes `AvailabilityZone`.
fn pascal(wire: &str) -> String {
    let mut letters = wire.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Appends a member to an object that is being written.
fn push(json: &mut String, name: &str, value: &str) {
    if json.len() > 1 {
        json.push(',');
    }
    json.push_str(&serde_json::Value::from(name).to_string());
    json.push(':');
    json.push_str(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(operation: &str, key: &str, body: &str) -> Page {
        page(Shapes::ec2(), operation, key, body.as_bytes()).unwrap()
    }

    fn answer(operation: &str, inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/\
             2016-11-15/\">\n<requestId>1</requestId>{inner}</{operation}Response>"
        )
    }

    #[test]
    fn names_lists_numbers_and_flags_are_those_of_the_cli() {
        let body = answer(
            "DescribeSecurityGroups",
            "<securityGroupInfo><item><groupId>sg-1</groupId><groupDescription>a &amp; b &#60;</groupDescription>\
             <ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>443</toPort>\
             <groups><item><groupId>sg-2</groupId></item></groups><ipRanges/></item></ipPermissions>\
             <ipPermissionsEgress/><tagSet/></item></securityGroupInfo><nextToken>n</nextToken>",
        );
        let page = read("DescribeSecurityGroups", "SecurityGroups", &body);
        assert_eq!(
            page.items,
            [
                r#"{"GroupId":"sg-1","Description":"a & b <","IpPermissions":[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"UserIdGroupPairs":[{"GroupId":"sg-2"}],"IpRanges":[]}],"IpPermissionsEgress":[],"Tags":[]}"#
            ]
        );
        assert_eq!(page.rest, [("NextToken".to_owned(), "\"n\"".to_owned())]);
    }

    #[test]
    fn what_the_tables_do_not_know_is_kept() {
        let body = answer(
            "DescribeVpcs",
            "<vpcSet><item><vpcId>vpc-1</vpcId><isDefault>false</isDefault><moonPhase>full</moonPhase>\
             <moonSet><item><side>far</side></item></moonSet><tides><high>1</high></tides></item></vpcSet>",
        );
        let page = read("DescribeVpcs", "Vpcs", &body);
        assert_eq!(
            page.items,
            [
                r#"{"VpcId":"vpc-1","IsDefault":false,"MoonPhase":"full","MoonSet":[{"Side":"far"}],"Tides":{"High":"1"}}"#
            ]
        );
    }

    #[test]
    fn an_attribute_is_no_list() {
        let inner = "<vpcId>vpc-1</vpcId><enableDnsSupport><value>true</value></enableDnsSupport>";
        let page = read("DescribeVpcAttribute", "EnableDnsSupport", &answer("DescribeVpcAttribute", inner));
        assert!(!page.listed && page.items.is_empty());
        assert_eq!(page.rest[1], ("EnableDnsSupport".to_owned(), r#"{"Value":true}"#.to_owned()));
    }

    #[test]
    fn the_result_of_load_balancing_is_unwrapped() {
        let body = "<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions><member>\
                    <Target><Port>80</Port><Id>i-1</Id></Target></member></TargetHealthDescriptions>\
                    </DescribeTargetHealthResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
                    </DescribeTargetHealthResponse>";
        let page =
            page(Shapes::balancing(), "DescribeTargetHealth", "TargetHealthDescriptions", body.as_bytes()).unwrap();
        assert_eq!(page.items, [r#"{"Target":{"Port":80,"Id":"i-1"}}"#]);
        assert!(page.rest.is_empty());
    }

    #[test]
    fn every_truncation_is_an_error() {
        let body = answer("DescribeVpcs", "<vpcSet><item><vpcId>vpc-1</vpcId><tagSet/></item></vpcSet>");
        for end in 0..body.len() {
            assert!(page(Shapes::ec2(), "DescribeVpcs", "Vpcs", &body.as_bytes()[..end]).is_err(), "{end}");
        }
    }
}
