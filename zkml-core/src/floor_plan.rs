//! The order of the folders, and the test that keeps it.
//!
//! Data flows from the top of [`PLAN`] to its end. A folder imports only from those above it. The test reads every path
//! that begins with `crate::`, `super::` or `self::`, in `use` items and in code, also inside macros. Tests may import
//! from anywhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Folders (or single files) of this crate in the order data flows, under the names of groups in `ARCHITECTURE.md`.
const PLAN: &[(&str, &[&str])] = &[
    (
        "foundation",
        &[
            "debug",
            "untrusted",
            "error",
            "field",
            "float",
            "poly",
            "files",
            "mapped",
            "secret",
            "int8",
            "transcript",
            "sumcheck",
            "lookup",
        ],
    ),
    ("statement", &["privacy", "circuit"]),
    ("language", &["graph", "ops", "nn"]),
    ("compile", &["optimize", "execute", "quant", "lower"]),
    ("commitment", &["pcs", "masking", "reduce"]),
    ("keys", &["proof", "keys", "argument", "verify", "prove", "setup"]),
];

/// A path of the code: where it stands, and which folder it leads to.
#[derive(Debug, PartialEq, Eq)]
struct Import {
    line: usize,
    to: String,
}

/// Everything that `tokens`, which stand in the module at `module`, import from this crate.
fn imports(tokens: TokenStream, module: &[String], found: &mut Vec<Import>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            // The item under the attribute ends with its braces or its semicolon.
            while at < tokens.len() && !ends_item(&tokens[at]) {
                at += 1;
            }
            at += 1;
            continue;
        }
        match &tokens[at] {
            TokenTree::Ident(word) if ["crate", "super", "self"].contains(&word.to_string().as_str()) => {
                at += path(&tokens[at..], module, found);
            }
            TokenTree::Group(group) => {
                let name = inner_module(&tokens[..at]);
                let inside: Vec<String> = module.iter().cloned().chain(name).collect();
                imports(group.stream(), &inside, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Whether `#[cfg(test)]` stands here.
fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(group), ..] = tokens else {
        return false;
    };
    let inside = group.stream().to_string().replace(' ', "");
    hash.as_char() == '#'
        && inside.starts_with("cfg(")
        && inside.contains("test")
        && !inside.contains("not(test")
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    }
}

/// The name of the module whose braces come next, if `mod name` stands before.
fn inner_module(before: &[TokenTree]) -> Option<String> {
    match before {
        [.., TokenTree::Ident(word), TokenTree::Ident(name)] if *word == "mod" => Some(name.to_string()),
        _ => None,
    }
}

/// Reads one path and returns how many tokens it has.
fn path(tokens: &[TokenTree], module: &[String], found: &mut Vec<Import>) -> usize {
    let mut place: Vec<String> = module.to_vec();
    let mut read = 0;
    let line = tokens[0].span().start().line;
    loop {
        match tokens.get(read) {
            Some(TokenTree::Ident(word)) => {
                match word.to_string().as_str() {
                    "crate" => place.clear(),
                    "super" => drop(place.pop()),
                    "self" => {}
                    name => {
                        place.push(name.to_owned());
                        found.push(Import {
                            line,
                            to: place[0].clone(),
                        });
                        return read + 1;
                    }
                }
                read += 1;
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace && read > 1 => {
                branches(group.stream(), &place, found);
                return read + 1;
            }
            _ => return read.max(1),
        }
        match tokens.get(read..read + 2) {
            Some([TokenTree::Punct(first), TokenTree::Punct(second)])
                if first.as_char() == ':' && second.as_char() == ':' =>
            {
                read += 2;
            }
            _ => {
                if let Some(folder) = place.first().filter(|_| read > 1) {
                    found.push(Import {
                        line,
                        to: folder.clone(),
                    });
                }
                return read;
            }
        }
    }
}

/// The first names of the branches of a `use` tree in braces, under `place`.
fn branches(tokens: TokenStream, place: &[String], found: &mut Vec<Import>) {
    let mut starts = true;
    for token in tokens {
        match token {
            TokenTree::Ident(name) if starts => {
                let to = place.first().cloned().unwrap_or_else(|| name.to_string());
                found.push(Import {
                    line: name.span().start().line,
                    to,
                });
                starts = false;
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' => starts = true,
            _ => {}
        }
    }
}

/// All source files below `folder` that are no tests.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for entry in entries {
        let name = entry
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if ["tests", "testing", "floor_plan", "lib"].contains(&name.as_str()) {
            continue;
        }
        if entry.is_dir() {
            sources(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
}

/// The module of a file below `src`.
fn module_of(file: &Path, root: &Path) -> Vec<String> {
    let relative = file.strip_prefix(root).unwrap().with_extension("");
    let mut module: Vec<String> = relative
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    module.pop_if(|last| last == "mod");
    module
}

fn read(source: &str, module: &[&str]) -> Vec<Import> {
    let module: Vec<String> = module.iter().map(|name| (*name).to_owned()).collect();
    let mut found = Vec::new();
    imports(source.parse().unwrap(), &module, &mut found);
    found
}

#[test]
fn folders_import_only_from_those_above_them() {
    let order: BTreeMap<&str, usize> = PLAN
        .iter()
        .flat_map(|(_, folders)| *folders)
        .enumerate()
        .map(|(place, folder)| (*folder, place))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 100, "only {} source files were found", files.len());
    let mut violations = Vec::new();
    for file in files {
        let module = module_of(&file, &root);
        let place = |folder: &str| {
            let known = order.get(folder);
            *known.unwrap_or_else(|| panic!("`{folder}` has no place in the floor plan"))
        };
        let own = place(&module[0]);
        let text = std::fs::read_to_string(&file).unwrap();
        let mut found = Vec::new();
        imports(text.parse().unwrap(), &module, &mut found);
        for Import { line, to } in found {
            // What `lib.rs` itself re-exports, such as `crate::Privacy`, is not a folder.
            if order.get(to.as_str()).is_some_and(|place| *place > own) {
                violations.push(format!(
                    "{}:{line}: `{}` imports from `{to}`, which comes after it",
                    file.display(),
                    module[0]
                ));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn paths_are_read_wherever_they_stand() {
    let to = |source: &str, module: &[&str]| -> Vec<(usize, String)> {
        let found = read(source, module).into_iter();
        found.map(|import| (import.line, import.to)).collect()
    };
    let one = |line: usize, folder: &str| vec![(line, folder.to_owned())];
    assert_eq!(to("use crate::b::C;", &["a", "x"]), one(1, "b"));
    assert_eq!(to("use super::super::b::C;", &["a", "x"]), one(1, "b"));
    assert_eq!(to("use super::C;", &["a", "x"]), one(1, "a"));
    assert_eq!(to("\nfn f() { crate::b::c() }", &["a"]), one(2, "b"));
    assert_eq!(to("fn f() { matches!(x, crate::b::C::D) }", &["a"]), one(1, "b"));
    assert_eq!(to("mod inner { use super::super::b::C; }", &["a"]), one(1, "b"));
    assert_eq!(
        to("use crate::{\n    b::{C, D},\n    e,\n};", &["a"]),
        [(2, "b".to_owned()), (3, "e".to_owned())]
    );
    // Tests, comments, documentation and strings may name anything.
    assert!(to("#[cfg(test)]\nmod tests { use crate::b::C; }", &["a"]).is_empty());
    assert!(
        to(
            "/// [`crate::b`]\n// crate::b\nconst A: &str = \"crate::b\";",
            &["a"]
        )
        .is_empty()
    );
}
