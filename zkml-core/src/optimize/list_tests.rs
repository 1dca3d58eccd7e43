//! The list of passes agrees with files and documents.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Level, Pass, all};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_pass_has_its_own_file_and_is_called_where_it_says() {
    let names: BTreeSet<&str> = all().map(Pass::name).collect();
    assert_eq!(names.len(), all().count(), "two passes of one name");
    let levels: Vec<Level> = all().map(Pass::level).collect();
    assert!(levels.is_sorted(), "{levels:?}");
    for pass in all() {
        let own = read(&format!("src/optimize/{}/{}.rs", pass.level(), pass.name()));
        assert!(own.contains(&format!("\"{}\"", pass.name())), "{}", pass.name());
        let caller = read(&format!("src/{}", pass.acts_in()));
        let calls = caller.contains(pass.name()) || pass.level() == Level::Model;
        assert!(calls, "{} does not call `{}`", pass.acts_in(), pass.name());
    }
}

/// The table of `docs/adding-a-pass.md`.
fn table() -> String {
    let mut table = "| level | pass | what it does | called in |\n|---|---|---|---|\n".to_owned();
    for pass in all() {
        let (level, name, purpose, place) = (pass.level(), pass.name(), pass.purpose(), pass.acts_in());
        table += &format!("| {level} | `{name}` | {purpose} | `{place}` |\n");
    }
    table
}

#[test]
fn the_page_has_the_table_of_the_list() {
    let (page, table) = (read("../docs/adding-a-pass.md"), table());
    assert!(
        page.contains(&table),
        "docs/adding-a-pass.md: its table has to be\n\n{table}"
    );
}
