//! The commands in the documents do what the documents say, and print what they show.

use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use zkml::data::samples;
use zkml::models::LeNet;
use zkml::prelude::*;
use zkml::quant::Preprocessing;

use super::lenet::asset;
use super::{text, zkml};

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The fenced blocks in `language` of a document.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let starts = document.split("\n```").skip(1).step_by(2);
    let of_language = starts.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    of_language.map(str::to_owned).collect()
}

/// A folder with the files that the documents name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let assets = folder.path().join("examples/assets");
    std::fs::create_dir_all(&assets).unwrap();
    for name in [
        "lenet5-mnist.safetensors",
        "mnist-t10k-first1000-images-idx3-ubyte.gz",
        "mnist-t10k-first1000-labels-idx1-ubyte",
        "seven.png",
    ] {
        std::fs::copy(asset(name), assets.join(name)).unwrap();
    }
    folder
}

/// What a shell makes of a command without a comment: words, of which some stand in quotes.
fn words(command: &str) -> Vec<&str> {
    let parts = command.split('"').enumerate();
    let words = parts.flat_map(|(number, part)| match number % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    });
    words.collect()
}

/// Runs the commands of a block, one after the other, where its `cd` says; how many ran.
fn follow(block: &str, folder: &Path) -> usize {
    let mut place = folder.to_path_buf();
    let mut run = 0;
    for line in block.lines().filter(|line| !line.is_empty()) {
        let words = words(line.split('#').next().unwrap());
        let (name, arguments) = words.split_first().unwrap();
        if *name == "cd" {
            place = folder.join(arguments[0]);
            continue;
        }
        assert_eq!(*name, "zkml", "{line}");
        let output = zkml(arguments, &place);
        assert_eq!(output.status.code(), Some(0), "{line}: {}", text(&output.stderr));
        run += 1;
    }
    run
}

/// `digits.model`, as the programs of the documents write it.
fn write_digits(folder: &Path) {
    let preprocessing = Preprocessing {
        pad: 2,
        ..Preprocessing::default()
    };
    let digits = asset("mnist-t10k-first1000-images-idx3-ubyte.gz");
    let digits = samples(digits.as_ref(), &[1, 32, 32], 8).unwrap();
    let images: Vec<ArrayD<f32>> = digits
        .iter()
        .map(|digit| digit.tensor(&[1, 32, 32], Some(&preprocessing)).unwrap())
        .collect();
    let model = LeNet::new().load(asset("lenet5-mnist.safetensors")).unwrap();
    let model = model
        .named("Digits")
        .classifier()
        .with_preprocessing(preprocessing);
    let model = model.quantize(&images).unwrap();
    model.save(folder.join("digits.model")).unwrap();
}

/// The commands of the README, one after the other, where the README says.
#[test]
fn the_readme_can_be_followed_literally() {
    let readme = std::fs::read_to_string(document("README.md")).unwrap();
    let blocks = blocks(&readme, "sh");
    let named = |start: &str| blocks.iter().find(|block| block.starts_with(start)).unwrap();
    let folder = folder();
    let folder = folder.path();
    assert!(follow(named("cd examples/assets\nzkml compile"), folder) >= 7);
    for name in ["lenet.proof", "lenet.outputs.json", "new.pkey", "new.vkey"] {
        assert!(folder.join("examples/assets").join(name).is_file(), "{name}");
    }
    write_digits(folder);
    assert_eq!(follow(named("zkml setup digits.model"), folder), 3);
}

#[test]
fn your_own_network_goes_to_the_command_line() {
    let page = std::fs::read_to_string(document("docs/your-own-model.md")).unwrap();
    let folder = folder();
    write_digits(folder.path());
    let blocks = blocks(&page, "sh");
    let commands = blocks
        .iter()
        .find(|block| block.starts_with("zkml setup"))
        .unwrap();
    assert_eq!(follow(commands, folder.path()), 3);
}

/// A line without what differs from run to run: digests of keys, sizes, times.
fn settled(line: &str) -> String {
    let is_digest = |word: &str| word.len() == 64 && word.chars().all(|digit| digit.is_ascii_hexdigit());
    let words: Vec<&str> = line.split(' ').collect();
    let next = |at: usize| {
        words
            .get(at + 1)
            .map_or("", |word| word.trim_end_matches([')', ',']))
    };
    let settled = words.iter().enumerate().map(|(at, word)| match word {
        word if is_digest(word) => "DIGEST".to_owned(),
        word if ["B", "kB", "MB", "ms", "s"].contains(&next(at)) => {
            word.replace(|sign: char| sign.is_ascii_digit() || sign == '.', "")
        }
        word => (*word).to_owned(),
    });
    settled.collect::<Vec<_>>().join(" ")
}

/// What a document shows of a command's output: whether `shown` is `printed`. A line `...` stands for any lines.
fn shows(shown: &[String], printed: &[String]) -> bool {
    match (shown, printed) {
        ([], []) => true,
        ([dots, shown_rest @ ..], _) if dots == "..." => {
            (0..=printed.len()).any(|skipped| shows(shown_rest, &printed[skipped..]))
        }
        ([line, shown_rest @ ..], [found, printed_rest @ ..]) => {
            line == found && shows(shown_rest, printed_rest)
        }
        _ => false,
    }
}

/// Runs the commands of the blocks that begin with `$ zkml`, and compares what they print.
fn compare(page: &str, folder: &Path) {
    let page = std::fs::read_to_string(document(page)).unwrap();
    let blocks = blocks(&page, "text");
    let mut run = 0;
    for block in blocks.iter().filter(|block| block.starts_with("$ zkml")) {
        for entry in block.split("$ ").skip(1) {
            let entry = entry.replace("\\\n", " ");
            let (command, shown) = entry.split_once('\n').unwrap();
            let output = zkml(&words(command)[1..], folder);
            let printed = format!("{}{}", text(&output.stdout), text(&output.stderr));
            let lines = |text: &str| text.lines().map(settled).collect::<Vec<_>>();
            assert!(
                shows(&lines(shown), &lines(&printed)),
                "`{command}` prints\n{printed}\nand the document shows\n{shown}"
            );
            run += 1;
        }
    }
    assert!(run > 1, "{run}");
}

#[test]
fn the_page_of_the_command_line_shows_what_is_printed() {
    let folder = folder();
    compare("docs/command-line.md", &folder.path().join("examples/assets"));
}

#[test]
fn the_page_of_the_formats_shows_what_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["plain.proof", "zero-knowledge.proof", "zero-knowledge.vkey"] {
        let file = document("docs/protocol/test-vectors").join(name);
        std::fs::copy(file, folder.path().join(name)).unwrap();
    }
    compare("docs/file-formats.md", folder.path());
}

#[test]
fn other_output_is_seen() {
    let lines = |text: &str| text.lines().map(settled).collect::<Vec<_>>();
    let printed = "wrote a (proof, 146.9 kB)\nproved in 28.4 ms, peak memory 29.5 MB\n67 proofs left";
    for shown in [
        "wrote a (proof, 1.2 kB)\nproved in 1 ms, peak memory 2 MB\n67 proofs left",
        "...\n67 proofs left",
        "wrote a (proof, 3 kB)\n...",
    ] {
        assert!(shows(&lines(shown), &lines(printed)), "{shown}");
    }
    for shown in [
        "67 proofs left",
        "...\n66 proofs left",
        "wrote b (proof, 146.9 kB)\n...",
    ] {
        assert!(!shows(&lines(shown), &lines(printed)), "{shown}");
    }
    assert_eq!(
        words("zkml prove --context \"nonce 17\" -q"),
        ["zkml", "prove", "--context", "nonce 17", "-q"]
    );
}
