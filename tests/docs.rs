//! The documents: every relative link leads somewhere, and none tells people to install another project's command.
//!
//! A link may end in `#heading` of a document or in `#L12` or `#L12-L20` of any file. The heading, or the lines, must
//! be there.

// Helpers outside of `#[test]` functions unwrap, too: a failure there fails the test.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// In the package registry this name belongs to another project.
const WRONG_INSTALL: &str = "cargo install zkml";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents at the root, of the fuzzing targets and of the assets, and all of `docs`.
fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = [
        "README.md",
        "ARCHITECTURE.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "fuzz/README.md",
        "examples/assets/README.md",
    ]
    .iter()
    .map(|name| root().join(name))
    .collect();
    collect(&root().join("docs"), &mut documents);
    documents
}

fn collect(folder: &Path, documents: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, documents);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(path);
        }
    }
}

/// The lines outside of fenced code, with their numbers, inline code blanked out.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let outside = line.split('`').step_by(2);
            lines.push((index + 1, outside.collect::<Vec<_>>().join("code")));
        }
    }
    lines
}

/// The targets of the links in a line: `[text](target)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
}

/// The anchor that a heading gets: small letters, digits, hyphens for spaces.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || "-_".contains(letter) => Some(letter),
            _ => None,
        })
        .collect()
}

fn has_heading(text: &str, fragment: &str) -> bool {
    let mut fenced = false;
    text.lines().any(|line| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let heading = line.trim_start_matches('#');
        !fenced
            && heading.len() < line.len()
            && heading.starts_with(' ')
            && anchor(heading.trim()) == fragment
    })
}

/// `L12` or `L12-L20`.
fn lines_of(fragment: &str) -> Option<(usize, usize)> {
    let line = |text: &str| text.strip_prefix('L')?.parse().ok();
    match fragment.split_once('-') {
        Some((first, last)) => Some((line(first)?, line(last)?)),
        None => line(fragment).map(|only| (only, only)),
    }
}

/// Why a link in `document` leads nowhere; `None` if it leads somewhere.
fn broken(document: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let file = match path {
        "" => document.to_path_buf(),
        path => document.parent().unwrap().join(path),
    };
    if !file.exists() {
        return Some(format!("no file {}", file.display()));
    }
    if fragment.is_empty() {
        return None;
    }
    let Ok(text) = fs::read_to_string(&file) else {
        return Some(format!("{} has no text to point into", file.display()));
    };
    match lines_of(fragment) {
        Some((first, last)) => {
            let count = text.lines().count();
            let inside = 1 <= first && first <= last && last <= count;
            (!inside).then(|| format!("{} has {count} lines", file.display()))
        }
        None => (!has_heading(&text, fragment)).then(|| format!("no such heading in {}", file.display())),
    }
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut found = Vec::new();
    let mut links = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for (number, line) in prose(&text) {
            for target in targets(&line) {
                links += 1;
                if let Some(reason) = broken(&document, target) {
                    found.push(format!("{}:{number}: ({target}): {reason}", document.display()));
                }
            }
        }
    }
    assert!(links > 100, "only {links} links were read");
    assert!(found.is_empty(), "broken links:\n{}", found.join("\n"));
}

#[test]
fn nobody_is_told_to_install_another_project() {
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(
            !words.join(" ").contains(WRONG_INSTALL),
            "{} says `{WRONG_INSTALL}`",
            document.display()
        );
    }
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let document = root().join("docs/protocol/README.md");
    for good in [
        "",
        "circuit.md",
        "circuit.md#padding",
        "#statement",
        "../../Cargo.toml#L1",
        "../../Cargo.toml#L1-L2",
        "https://example.org/x",
    ] {
        assert_eq!(broken(&document, good), None, "{good}");
    }
    for bad in [
        "nowhere.md",
        "circuit.md#nowhere",
        "#nowhere",
        "../../Cargo.toml#L0",
        "../../Cargo.toml#L100000",
        "../../Cargo.toml#L2-L1",
    ] {
        assert!(broken(&document, bad).is_some(), "{bad}");
    }
    let text = "[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n[g](h.md#i)";
    let lines = prose(text);
    let read: Vec<&str> = lines.iter().flat_map(|(_, line)| targets(line)).collect();
    assert_eq!(read, ["b.md", "h.md#i"]);
    assert_eq!(
        anchor("The price of zero-knowledge, `x_1`"),
        "the-price-of-zero-knowledge-x_1"
    );
}

/// Where a link leads: path from the root, and line.
fn target(link: &str) -> Option<(PathBuf, usize)> {
    let (path, line) = link.split_once("#L")?;
    let path = path.trim_start_matches("../../");
    Some((root().join(path), line.parse().ok()?))
}

/// All `(text, target)` of the links to lines in `text`.
fn links_to_lines(text: &str) -> Vec<(String, PathBuf, usize)> {
    let mut links = Vec::new();
    for part in text.split('[').skip(1) {
        let Some((label, rest)) = part.split_once("](") else {
            continue;
        };
        let link = rest.split(')').next().unwrap_or_default();
        if let Some((path, line)) = target(link) {
            links.push((label.to_owned(), path, line));
        }
    }
    links
}

/// The line of `text` nearest to `line` that has `needle` in it, and is none of `used`.
fn nearest(text: &str, needle: &str, line: usize, used: &[usize]) -> Option<usize> {
    let found = text
        .lines()
        .zip(1usize..)
        .filter(|(found, _)| found.contains(needle));
    let numbers = found.map(|(_, number)| number);
    let unused = numbers.filter(|number| !used.contains(number));
    unused.min_by_key(|number| number.abs_diff(line))
}

/// What must stand at the line that a link of `proof.md` leads to; `None` if the link does not say. In a row of the
/// tables that is the name of the row's check, or the test; elsewhere a label in backticks.
fn needle(row: Option<&str>, label: &str) -> Option<String> {
    match row {
        // A link that says in which file a test is has no name to look for.
        Some(name) if label.contains(".rs:") => Some(match name.contains('.') {
            true => format!("\"{name}\""),
            false => name.to_owned(),
        }),
        Some(_) => (!label.ends_with(".rs")).then(|| format!("fn {}", label.trim_end_matches(" .."))),
        None => Some(label.strip_prefix('`')?.strip_suffix('`')?.to_owned()),
    }
}

/// A line of `proof.md` whose links lead to what they name.
fn renumbered(line: &str) -> String {
    let row = line.strip_prefix("| `").and_then(|rest| rest.split('`').next());
    let (mut result, mut used) = (line.to_owned(), Vec::new());
    for (label, path, old) in links_to_lines(line) {
        let Some(needle) = needle(row, &label) else {
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        let found = nearest(&text, &needle, old, &used);
        assert!(found.is_some(), "no `{needle}` in {}", path.display());
        let found = found.unwrap();
        used.push(found);
        let file = path.file_name().unwrap().to_string_lossy();
        let new_label = match label.contains(".rs:") {
            true => format!("{file}:{found}"),
            false => label.clone(),
        };
        let tail = format!("{file}#L");
        let start = result.find(&format!("[{label}](")).unwrap();
        let end = start + result[start..].find(')').unwrap();
        let link = &result[start..end];
        let path = &link[label.len() + 3..link.find(&tail).unwrap()];
        result = format!(
            "{}[{new_label}]({path}{tail}{found}{}",
            &result[..start],
            &result[end..]
        );
    }
    result
}

/// Names of the checks that a source file of the verifier states: those of `name: ".."` and of `failed("..", ..)`.
fn checks_of(text: &str) -> Vec<String> {
    // Tests of a file come last.
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let quoted = |after: &str| {
        let parts = text.split(after).skip(1);
        parts
            .filter_map(|part| part.split('"').next())
            .filter(|name| name.contains('.') && !name.contains(' '))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut checks = quoted("name: \"");
    checks.extend(quoted("failed(\""));
    checks
}

/// The table of `proof.md` answers where a check is: it has a row for each check, the line of the row states the check,
/// and its test is the one that the line begins. `ZKML_WRITE_LINES=1` writes the lines.
#[test]
fn the_table_of_checks_has_every_check_at_its_line() {
    let path = root().join("docs/protocol/proof.md");
    let page = fs::read_to_string(&path).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let settled: String = page.lines().map(|line| renumbered(line) + "\n").collect();
    if std::env::var_os("ZKML_WRITE_LINES").is_some() {
        fs::write(&path, &settled).unwrap();
    } else {
        for (found, expected) in page.lines().zip(settled.lines()) {
            assert_eq!(found, expected, "ZKML_WRITE_LINES=1 writes the lines");
        }
    }
    let names = rows.iter().map(|row| row.split('`').nth(1).unwrap());
    let mut listed: Vec<String> = names
        .filter(|name| name.contains('.'))
        .map(str::to_owned)
        .collect();
    let mut stated = Vec::new();
    let mut sources = Vec::new();
    for folder in [
        "lookup",
        "reduce",
        "masking",
        "pcs",
        "transcript",
        "verify",
        "argument",
        "sumcheck",
    ] {
        collect_sources(&root().join("zkml-core/src").join(folder), &mut sources);
    }
    for source in sources {
        stated.extend(checks_of(&fs::read_to_string(source).unwrap()));
    }
    stated.sort();
    stated.dedup();
    listed.sort();
    assert_eq!(
        stated, listed,
        "left: checks of the verifier, right: rows of the table"
    );
}

fn collect_sources(folder: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            collect_sources(&path, sources);
        } else if name.ends_with(".rs") && name != "tests.rs" && name != "testing.rs" {
            sources.push(path);
        }
    }
}
