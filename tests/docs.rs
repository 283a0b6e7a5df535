//! `docs/SEMANTICS.md` against the code: rules, reason codes and tests that one side names exist on the other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use reach_engine::reason::Code;

/// Tables of the page: the header, then the rows.
struct Table<'t> {
    header: Vec<&'t str>,
    rows: Vec<Vec<&'t str>>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    let path = root().join("docs/SEMANTICS.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of every Rust file below `folder`.
fn sources(folder: &str) -> Vec<String> {
    fn walk(folder: &Path, texts: &mut Vec<String>) {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                walk(&path, texts);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts.push(fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut texts = Vec::new();
    walk(&root().join(folder), &mut texts);
    assert!(!texts.is_empty(), "no Rust file below {folder}");
    texts
}

fn tables(page: &str) -> Vec<Table<'_>> {
    let mut tables: Vec<Table<'_>> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        let Some(inner) = line.strip_prefix('|').and_then(|rest| rest.strip_suffix('|')) else {
            inside = false;
            continue;
        };
        let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
        if !inside {
            inside = true;
            tables.push(Table { header: cells, rows: Vec::new() });
        } else if !cells.iter().all(|cell| cell.chars().all(|c| c == '-')) {
            tables.last_mut().unwrap().rows.push(cells);
        }
    }
    tables
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether `text` is an id of the page: one to three capitals, a dash, a number, perhaps a letter.
fn is_rule_id(text: &str) -> bool {
    let Some((family, number)) = text.split_once('-') else { return false };
    let digits = number.strip_suffix(|c: char| c.is_ascii_lowercase()).unwrap_or(number);
    (1..=3).contains(&family.len())
        && family.bytes().all(|byte| byte.is_ascii_uppercase())
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The ids that have a row of their own.
fn rules(page: &str) -> Vec<String> {
    let rows = tables(page).into_iter().filter(|table| table.header[0] == "Rule").flat_map(|table| table.rows);
    rows.map(|row| row[0].to_owned()).collect()
}

#[test]
fn every_test_that_the_page_names_exists() {
    let page = page();
    let sources: Vec<String> = ["tests", "crates"].into_iter().flat_map(sources).collect();
    let functions: BTreeSet<&str> = sources
        .iter()
        .flat_map(|text| text.split("fn ").skip(1))
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or(""))
        .collect();
    let mut named = 0;
    let mut missing: BTreeSet<&str> = BTreeSet::new();
    for table in tables(&page).iter().filter(|table| table.header.last() == Some(&"Test")) {
        for row in &table.rows {
            assert_eq!(row.len(), table.header.len(), "the row of {} has another number of cells", row[0]);
            let cell = row.last().unwrap();
            assert!(!cell.is_empty() && *cell != "—", "{} names neither a test nor a reason for having none", row[0]);
            for name in quoted(cell) {
                named += 1;
                if !functions.contains(name) {
                    missing.insert(name);
                }
            }
        }
    }
    let prose = page.lines().skip_while(|line| !line.starts_with("Tests of this section:"));
    for name in prose.take_while(|line| !line.is_empty()).flat_map(quoted) {
        named += 1;
        if !functions.contains(name) {
            missing.insert(name);
        }
    }
    assert!(named > 0, "the page names no test at all");
    assert!(missing.is_empty(), "tests that the page names and nobody wrote: {missing:#?}");
}

#[test]
fn every_rule_of_the_families_has_one_row() {
    let page = page();
    let rules = rules(&page);
    let family = |name: &'static str, last: u32| (1..=last).map(move |number| format!("{name}-{number}"));
    let expected = family("M", 10)
        .chain(family("SG", 36))
        .chain(family("CT", 17))
        .chain(family("NA", 18))
        .chain(family("RT", 52))
        .chain(["RT-25a".to_owned()])
        .chain(family("PL", 16))
        .chain(family("LB", 20))
        .chain(family("EK", 54))
        .chain((60..=63).map(|number| format!("EK-{number}")))
        .chain(family("API", 20))
        .chain(["QU".to_owned()])
        .chain(family("U", 18));
    let missing: Vec<String> = expected.filter(|id| !rules.contains(id)).collect();
    assert!(missing.is_empty(), "rules without a row: {missing:?}");
    let mut seen = BTreeSet::new();
    let twice: Vec<&String> = rules.iter().filter(|id| !seen.insert(id.as_str())).collect();
    assert!(twice.is_empty(), "rules with two rows: {twice:?}");
}

#[test]
fn every_rule_that_an_answer_can_name_has_a_row() {
    let page = page();
    let rules = rules(&page);
    let sources: Vec<String> = ["crates/engine/src", "crates/eks/src"].into_iter().flat_map(sources).collect();
    let used: BTreeSet<&str> =
        sources.iter().flat_map(|text| text.split('"')).filter(|literal| is_rule_id(literal)).collect();
    assert!(used.contains("SG-1") && used.contains("RT-25a"), "the ids of the code are not found: {used:?}");
    let missing: Vec<&str> = used.into_iter().filter(|id| !rules.iter().any(|rule| rule == id)).collect();
    assert!(missing.is_empty(), "ids in the code without a row: {missing:?}");
}

#[test]
fn reason_codes_are_those_of_the_code() {
    let page = page();
    let tables = tables(&page);
    let table =
        tables.iter().find(|table| table.header == ["Code", "Meaning", "Rule"]).expect("a table of reason codes");
    let listed: Vec<&str> = table.rows.iter().map(|row| row[0].trim_matches('`')).collect();
    let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let missing: Vec<&&str> = known.iter().filter(|code| !listed.contains(code)).collect();
    let unknown: Vec<&&str> = listed.iter().filter(|code| !known.contains(code)).collect();
    assert!(missing.is_empty(), "codes without a row: {missing:?}");
    assert!(unknown.is_empty(), "rows of no code: {unknown:?}");
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len(), "a code has two rows");
    let rules = rules(&page);
    for row in &table.rows {
        for id in row[2].split([',', ' ']).filter(|word| is_rule_id(word)) {
            assert!(rules.iter().any(|rule| rule == id), "{} points to {id}, which has no row", row[0]);
        }
    }
}

#[test]
fn codes_in_the_text_are_reason_codes() {
    let page = page();
    let known: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let settings = ["AWS_MANAGED", "CUSTOMER_ROUTED", "CUSTOMER_ISOLATED"];
    let is_code = |word: &&str| {
        word.contains('_')
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    for code in quoted(&page).filter(is_code).filter(|word| !settings.contains(word)) {
        assert!(known.contains(code), "`{code}` is no reason code");
    }
}

/// The blocks of `docs/AUDIT.md` that the code's tables make, by name.
fn audit_blocks() -> Vec<(&'static str, String)> {
    use reach_eks::audit::table::{COMPONENTS, Need, REQUIREMENTS, SERVICES};
    let mut requirements =
        "| Finding | Level | From → to, what | Why | Rows of AWS's tables |\n| --- | --- | --- | --- | --- |\n"
            .to_owned();
    for requirement in REQUIREMENTS.iter().chain([&reach_eks::audit::table::CLIENT]) {
        let client = requirement.id.contains("client");
        let from = if client { "each `--client`".to_owned() } else { format!("`{}`", requirement.from.selector()) };
        let port = requirement.traffic.port().map_or_else(String::new, |port| format!(" {port}"));
        let rows: Vec<String> = requirement.rows.iter().map(ToString::to_string).collect();
        let rows = if rows.is_empty() { "—".to_owned() } else { rows.join("<br>") };
        requirements.extend([format!(
            "| `{}` | {} | {from} → `{}`, {}{port} | {} ({}) | {rows} |\n",
            requirement.id,
            requirement.level.as_str(),
            requirement.to.selector(),
            requirement.traffic.protocol(),
            requirement.title,
            requirement.source.semantics,
        )]);
    }
    let mut services = "| Service | For | Asked about |\n| --- | --- | --- |\n".to_owned();
    for service in SERVICES {
        let when = match service.need {
            Need::Always => "always".to_owned(),
            Need::Used { pods, addons } => {
                let pods = pods.iter().map(|pod| format!("pod `{pod}`"));
                let addons = addons.iter().map(|addon| format!("add-on `{addon}`"));
                let clues: Vec<String> = ["an endpoint".to_owned()].into_iter().chain(pods).chain(addons).collect();
                format!("with {}", clues.join(", "))
            }
        };
        services.extend([format!("| `{}` | {} | {when} |\n", service.name, service.purpose)]);
    }
    let mut components = "| `--also` | Component | Ports on the pod |\n| --- | --- | --- |\n".to_owned();
    for component in COMPONENTS {
        let ports: Vec<String> =
            component.ports.iter().map(|(port, use_of_it)| format!("{port} ({use_of_it})")).collect();
        let line =
            format!("| `{}` | [{}]({}) | {} |\n", component.name, component.title, component.url, ports.join(", "));
        components.push_str(&line);
    }
    vec![("requirements", requirements), ("services", services), ("components", components)]
}

#[test]
fn the_audits_tables_are_those_of_the_code() {
    let path = root().join("docs/AUDIT.md");
    let mut page = fs::read_to_string(&path).unwrap();
    let written = page.clone();
    for (name, block) in audit_blocks() {
        let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let start = page.find(&open).unwrap_or_else(|| panic!("no {open}")) + open.len();
        let end = page.find(&close).unwrap_or_else(|| panic!("no {close}"));
        page.replace_range(start..end, &format!("\n{block}\n"));
    }
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, page).unwrap();
    } else {
        assert!(page == written, "docs/AUDIT.md is not what the tables say: run UPDATE_README=1 cargo test docs");
    }
}

fn snapshot_page() -> String {
    fs::read_to_string(root().join("docs/SNAPSHOT.md")).unwrap()
}

#[test]
fn the_page_on_snapshots_has_every_field_and_status() {
    use reach_model::document::{Record, SCHEMA, Status};
    let page = snapshot_page();
    let tables = tables(&page);
    let rows = |header: &str| {
        let table =
            tables.iter().find(|table| table.header[0] == header).unwrap_or_else(|| panic!("no table {header}"));
        table.rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect::<BTreeSet<String>>()
    };
    // Every field is written when it holds something.
    let mut record = Record::without_answer(None, &reach_model::snapshot::Scope::default(), Status::Complete);
    record.arguments.insert("a".to_owned(), "b".to_owned());
    record.time = Some("t".into());
    record.until = Some("t".into());
    record.vpcs = vec!["vpc-1".into()];
    let record = serde_json::to_value(&record).unwrap();
    let fields = record.as_object().unwrap().keys().map(|field| format!("calls[].{field}"));
    let fields: BTreeSet<String> = fields.chain(["schema", "created", "calls"].map(str::to_owned)).collect();
    assert_eq!(rows("Field"), fields);
    let statuses = ["complete", "truncated", "denied", "failed", "not_collected"];
    for status in statuses {
        assert!(serde_json::from_str::<Status>(&format!("\"{status}\"")).is_ok(), "{status}");
    }
    assert_eq!(rows("Status"), statuses.map(str::to_owned).into());
    assert!(page.contains(&format!("`{SCHEMA}`")));
    assert!(page.contains(&format!("More than {} minutes", reach_model::time::LONG_SPAN / 60)));
    assert!(
        page.contains("## What each call decides\n\n<!-- table: actions -->\n")
            && page.contains("<!-- end: actions -->")
    );
}

#[test]
fn the_example_of_a_snapshot_is_one() {
    let page = snapshot_page();
    let example = page.split_once("<!-- example -->\n```json\n").unwrap().1.split_once("```").unwrap().0;
    let snapshot = reach_model::import_documents([("example.json", example.as_bytes())]).unwrap();
    assert!(snapshot.warnings.is_empty(), "{:?}", snapshot.warnings);
    assert_eq!(snapshot.resources.vpcs.len() + snapshot.resources.prefix_list_entries.len(), 2);
    assert_eq!(snapshot.span.unwrap().seconds, 2);
}

#[test]
fn help_and_page_know_the_same_commands() {
    let help = crate::cli::reach("snapshot --help").stdout;
    let commands = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let commands: BTreeSet<&str> =
        commands.lines().filter_map(|line| line.split_whitespace().next()).filter(|word| *word != "help").collect();
    let page = snapshot_page();
    let told: BTreeSet<&str> =
        quoted(&page).filter_map(|text| text.strip_prefix("reach snapshot ")?.split(' ').next()).collect();
    assert_eq!(commands, told);
    for command in commands {
        let help = crate::cli::reach(&format!("snapshot {command} --help")).stdout;
        assert!(help.contains("Examples:"), "the help of {command} has no example");
    }
    let help = crate::cli::reach("snapshot redact --help").stdout;
    for option in ["--key-file", "--map", "--out"] {
        assert!(help.contains(option) && page.contains(option), "{option}");
    }
}
