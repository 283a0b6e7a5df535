//! The README shows real answers: what stands between its markers is what the program prints.

use assert_cmd::Command;

/// Each `<!-- answer: ARGS -->` block with its text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let parts = text.split("<!-- answer: ").skip(1);
    parts
        .map(|part| {
            let (args, rest) = part.split_once(" -->").expect("a marker ends");
            let body = rest.split_once("<!-- end -->").expect("a block ends").0;
            let body = body.trim().strip_prefix("```text\n").and_then(|b| b.strip_suffix("```")).expect("a text block");
            (args.to_owned(), body.to_owned())
        })
        .collect()
}

fn answer(args: &str) -> String {
    let output = Command::cargo_bin("reach").unwrap().args(args.split(' ')).env_clear().output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = blocks(&text);
    assert_eq!(blocks.len(), 3);
    if std::env::var_os("UPDATE_README").is_some() {
        let mut updated = text;
        for (args, body) in &blocks {
            let old = format!("<!-- answer: {args} -->\n```text\n{body}```");
            let new = format!("<!-- answer: {args} -->\n```text\n{}```", answer(args));
            assert!(updated.contains(&old), "{args}");
            updated = updated.replace(&old, &new);
        }
        std::fs::write(path, updated).unwrap();
        return;
    }
    for (args, body) in blocks {
        assert_eq!(body, answer(&args), "{args} (run the test with UPDATE_README=1 and look at the difference)");
    }
}

#[test]
fn what_begins_like_this_does() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let excerpts: Vec<&str> = text.split("<!-- excerpt: ").skip(1).collect();
    assert_eq!(excerpts.len(), 1);
    for excerpt in excerpts {
        let (args, rest) = excerpt.split_once(" -->\n```text\n").unwrap();
        let shown = rest.split_once("```").unwrap().0;
        let whole = answer(args);
        assert!(whole.starts_with(shown), "{args} does not begin like this:\n{shown}\nbut so:\n{whole}");
    }
}

#[test]
fn the_excerpt_at_the_top_is_the_beginning_of_the_answer() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let excerpt = text.split_once("cargo run --release -- ").unwrap().1;
    let (args, rest) = excerpt.split_once('\n').unwrap();
    let shown = rest.split_once("```").unwrap().0;
    assert!(answer(args).starts_with(shown), "{shown}");
}
