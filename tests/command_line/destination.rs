//! Where commands write: never over what they read, and only where it can be done.

use std::path::Path;

use super::lenet::{COMPILE, DIGITS, WEIGHTS, answer, asset, compile, keys};
use super::{assert_refused, text, zkml};

/// A folder with a compiled model, its keys and a digit, all its own.
fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["lenet.model", "lenet.pkey", "lenet.vkey", "seven.png"] {
        std::fs::copy(keys().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// The files of a folder with their bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut contents: Vec<_> = entries
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    contents.sort();
    contents
}

#[cfg(unix)]
#[test]
fn inputs_are_not_overwritten() {
    use std::os::unix::fs::symlink;

    let folder = copied();
    let folder = folder.path();
    let (weights, digits) = ("weights.safetensors", "digits-idx3-ubyte.gz");
    std::fs::copy(WEIGHTS, folder.join(weights)).unwrap();
    std::fs::copy(DIGITS, folder.join(digits)).unwrap();
    // Of images in another folder; the labels beside them are found, and read.
    std::fs::create_dir(folder.join("mnist")).unwrap();
    let (images, labels) = ("mnist/t10k-images-idx3-ubyte.gz", "mnist/t10k-labels-idx1-ubyte");
    std::fs::copy(folder.join(digits), folder.join(images)).unwrap();
    std::fs::write(folder.join(labels), "labels").unwrap();
    std::fs::write(folder.join("names.txt"), "a\n").unwrap();
    symlink(weights, folder.join("link")).unwrap();
    symlink(".", folder.join("here")).unwrap();
    std::fs::hard_link(folder.join(digits), folder.join("hard")).unwrap();
    let before = contents(folder);

    let compile = [
        "compile",
        "lenet",
        "--weights",
        weights,
        "--calibration",
        digits,
        "--classes",
        "names.txt",
    ];
    let prove = ["prove", "--key", "lenet.pkey", "--input", "seven.png"];
    let with_labels = compile.map(|argument| if argument == digits { images } else { argument });
    let number = format!("{images}#0");
    let prove_labelled = prove.map(|argument| {
        if argument == "seven.png" {
            &number
        } else {
            argument
        }
    });
    let rotate = ["rotate-key", "lenet.pkey"];
    let onto = "expected another place than that of ";
    for (arguments, further, words) in [
        (&compile[..], &["-o", weights][..], [onto, weights]),
        (&compile, &["-o", "./link"], [onto, weights]),
        (&compile, &["-o", "here/weights.safetensors"], [onto, weights]),
        (&compile, &["-o", "hard"], [onto, digits]),
        (&with_labels, &["-o", labels], [onto, labels]),
        (&prove_labelled, &["--trace-out", labels], [onto, labels]),
        (&compile, &["-o", "names.txt"], [onto, "names.txt"]),
        (&compile, &["-o", "m", "--trace-out", weights], [onto, weights]),
        (
            &compile,
            &["-o", "m", "--trace-out", "m"],
            [onto, "which is written as well"],
        ),
        (&prove, &["--folded-out", "lenet.pkey"], [onto, "lenet.pkey"]),
        (&prove, &["--trace-out", "here/seven.png"], [onto, "seven.png"]),
        (
            &rotate,
            &["-o", "lenet.pkey", "--verifying-key", "new.vkey"],
            [onto, "lenet.pkey"],
        ),
        (
            &rotate,
            &["-o", "new", "--verifying-key", "here/new"],
            [onto, "which is written as well"],
        ),
        (
            &["verify-key", "lenet.vkey"],
            &["--transcript", "lenet.vkey"],
            [onto, "lenet.vkey"],
        ),
        (
            &["verify", "--key", "lenet.vkey", "--proof", "names.txt"],
            &["--transcript", "here/names.txt"],
            [onto, "names.txt"],
        ),
    ] {
        let forced: &[&str] = match arguments[0] {
            "compile" | "prove" => &["--force"],
            _ => &[],
        };
        let output = zkml(&[arguments, further, forced].concat(), folder);
        assert_refused(&output, 2, &words);
        assert!(contents(folder) == before, "{further:?}");
        assert_eq!(std::fs::read(folder.join(labels)).unwrap(), b"labels");
    }
    // A folder of inputs is read, too.
    std::fs::create_dir(folder.join("images")).unwrap();
    std::fs::copy(asset("seven.png"), folder.join("images/seven.png")).unwrap();
    let output = zkml(
        &[
            "compile",
            "lenet",
            "--weights",
            weights,
            "--calibration",
            "images",
            "-o",
            "images/seven.png",
            "--force",
        ],
        folder,
    );
    assert_refused(&output, 2, &[onto, "images"]);

    // A model under the name that a key will get.
    std::fs::copy(folder.join("lenet.model"), folder.join("model.vkey")).unwrap();
    let output = zkml(&["setup", "model.vkey", "--force"], folder);
    assert_refused(
        &output,
        2,
        &["model.vkey: expected another place than that of model.vkey, which is read"],
    );
    symlink("new.vkey", folder.join("both.pkey")).unwrap();
    symlink("both.pkey", folder.join("both.vkey")).unwrap();
    std::fs::write(folder.join("new.vkey"), "x").unwrap();
    let output = zkml(&["setup", "lenet.model", "--name", "both", "--force"], folder);
    assert_refused(
        &output,
        2,
        &["both.vkey: expected another place than that of both.pkey"],
    );
}

#[test]
fn a_key_with_private_weights_keeps_its_counter() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    answer(&compile(folder, &["--json"]));
    answer(&zkml(&["setup", "lenet.model", "--json"], folder));
    std::fs::copy(asset("seven.png"), folder.join("seven.png")).unwrap();
    let counter = contents(folder).into_iter().map(|(name, _)| name);
    let counter = counter
        .filter(|name| name.ends_with(".budget"))
        .collect::<Vec<_>>();
    let [counter] = counter.as_slice() else {
        panic!("{counter:?}")
    };
    let prove = [
        "prove",
        "--key",
        "lenet.pkey",
        "--input",
        "seven.png",
        "--trace-out",
        counter,
    ];
    assert_refused(&zkml(&prove, folder), 2, &["expected another place", counter]);

    // What is left is counted anew each time, without what is kept for a rotation.
    let made = answer(&zkml(&["setup", "lenet.model", "--json"], folder));
    assert_eq!(made["files"][1]["kept"], true);
    assert_eq!(made["proofs_left"], made["proofs"]);
    answer(&zkml(&[&prove[..5], &["--json"]].concat(), folder));
    let made = answer(&zkml(&["setup", "lenet.model", "--json"], folder));
    let proofs = made["proofs"].as_u64().unwrap();
    assert_eq!(made["proofs_left"], proofs - 1);
    let said = zkml(&["setup", "lenet.model"], folder);
    let said = text(&said.stdout);
    assert!(
        said.contains(&format!("{} of {proofs} proofs left", proofs - 1)),
        "{said}"
    );
    // The openings that are kept for a rotation are no proofs.
    let more = (proofs + 1).to_string();
    let more = zkml(&["setup", "lenet.model", "--proofs", &more], folder);
    assert!(
        text(&more.stderr).contains("made for fewer than"),
        "{}",
        text(&more.stderr)
    );

    // Two keys of one model are no pair.
    std::fs::create_dir(folder.join("other")).unwrap();
    answer(&zkml(&["setup", "lenet.model", "-o", "other", "--json"], folder));
    std::fs::copy(folder.join("other/lenet.vkey"), folder.join("lenet.vkey")).unwrap();
    let output = zkml(&["setup", "lenet.model"], folder);
    assert_refused(
        &output,
        2,
        &[
            "lenet.vkey: expected the verifying key of lenet.pkey",
            "delete it and run `zkml setup` again",
        ],
    );
    std::fs::remove_file(folder.join("lenet.vkey")).unwrap();
    answer(&zkml(&["setup", "lenet.model", "--json"], folder));

    // Without its counter a key is not up to date.
    std::fs::remove_file(folder.join(counter)).unwrap();
    assert_refused(&zkml(&["setup", "lenet.model"], folder), 2, &[counter, "missing"]);
}

#[test]
fn places_are_tried_before_the_work() {
    let folder = copied();
    let folder = folder.path();
    std::fs::create_dir(folder.join("taken")).unwrap();
    std::fs::create_dir(folder.join("lenet.proof")).unwrap();
    let compile = [&COMPILE[..], &["-o"]].concat();
    let prove = ["prove", "--key", "lenet.pkey", "--input", "seven.png"];
    let before = contents(folder);
    for (arguments, further, words) in [
        (
            &compile[..],
            &["none/lenet.model"][..],
            &["none: no such folder"][..],
        ),
        (
            &compile,
            &["taken"],
            &["expected a file or nothing in its place, found a folder"],
        ),
        (&compile, &["new/"], &["found the path of a folder"]),
        (
            &compile,
            &["seven.png/lenet.model"],
            &["seven.png: expected a folder, found a regular file"],
        ),
        (&prove, &[], &["lenet.proof", "found a folder"]),
        (
            &prove,
            &["--name", "a", "--trace-out", "none/trace"],
            &["none: no such folder"],
        ),
        (
            &prove,
            &["-o", "seven.png"],
            &["seven.png: expected a folder, found a regular file"],
        ),
        (
            &prove,
            &["-o", "seven.png/below"],
            &["seven.png: expected a folder, found a regular file"],
        ),
        (
            &["setup", "lenet.model"],
            &["-o", "lenet.vkey", "--force"],
            &["expected a folder, found a regular file"],
        ),
    ] {
        // Before anything is read or made: bad inputs would be named first.
        let output = zkml(&[arguments, further].concat(), folder);
        assert_refused(&output, 2, words);
        assert!(contents(folder) == before, "{further:?}");
    }
    #[cfg(target_os = "linux")]
    for (place, found) in [
        ("/proc/lenet.model", "/proc: "),
        ("/dev/null", "found a character device"),
    ] {
        assert_refused(
            &zkml(&[&compile[..], &[place, "--force"]].concat(), folder),
            2,
            &[found],
        );
    }
    // A folder that is missing is made by the commands that say so, once the input is known to be right.
    let into = |input: &'static str| {
        let arguments = [
            "prove",
            "--key",
            "lenet.pkey",
            "--input",
            input,
            "-o",
            "new/below",
        ];
        zkml(&arguments, folder).status.code()
    };
    assert_eq!(into("lenet.model"), Some(2));
    assert!(!folder.join("new").exists());
    assert_eq!(into("seven.png"), Some(0));
    assert!(folder.join("new/below/lenet.proof").is_file());

    for name in ["", ".", "..", "a/b", "/a", "a\nb"] {
        let output = zkml(&[&prove[..], &["--name", name]].concat(), folder);
        assert_eq!(output.status.code(), Some(2), "{name:?}");
        assert!(
            text(&output.stderr).contains("without folders and not empty"),
            "{}",
            text(&output.stderr)
        );
        let output = zkml(&["setup", "lenet.model", "--name", name], folder);
        assert_eq!(output.status.code(), Some(2), "{name:?}");
    }
}
