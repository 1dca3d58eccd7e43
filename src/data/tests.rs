use super::cifar::{CIFAR_10, CIFAR_100};
use super::*;

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn grey(preprocessing: &Preprocessing, image: &Image, shape: &[usize]) -> Result<ArrayD<f32>, DataError> {
    let sample = Sample {
        place: "x".into(),
        label: None,
        content: Content::Image(image.clone()),
    };
    sample.tensor(shape, Some(preprocessing))
}

#[test]
fn pixels_are_padded_and_then_normalized() {
    let preprocessing = Preprocessing {
        pad: 1,
        mean: vec![0.5],
        deviation: vec![0.5],
    };
    let image = Image::from_planes(1, 1, 2, vec![255, 0]).unwrap();
    let tensor = grey(&preprocessing, &image, &[1, 3, 4]).unwrap();
    assert_eq!(tensor.shape(), [1, 1, 3, 4]);
    let row: Vec<f32> = (0..4).map(|column| tensor[[0, 0, 1, column]]).collect();
    assert_eq!(row, [-1.0, 1.0, -1.0, -1.0]);
    let error = grey(&preprocessing, &image, &[1, 4, 4]).unwrap_err().to_string();
    assert_eq!(
        error,
        "x: expected 2 x 2 pixels (the model adds 1 on each side), found 1 x 2 pixels of 1 channels"
    );
}

#[test]
fn colour_is_not_thrown_away_silently() {
    let preprocessing = Preprocessing::default();
    let colour = Image::from_planes(3, 1, 2, vec![1, 2, 1, 9, 1, 2]).unwrap();
    let error = grey(&preprocessing, &colour, &[1, 1, 2]).unwrap_err().to_string();
    assert!(error.contains("a coloured pixel at row 0, column 1"), "{error}");
    let flat = Image::from_planes(3, 1, 2, vec![1, 2, 1, 2, 1, 2]).unwrap();
    assert!(grey(&preprocessing, &flat, &[1, 1, 2]).is_ok());
    let grey_image = Image::from_planes(1, 1, 2, vec![51, 255]).unwrap();
    let tensor = grey(&preprocessing, &grey_image, &[3, 1, 2]).unwrap();
    assert_eq!(
        tensor.iter().copied().collect::<Vec<_>>(),
        [0.2, 1.0, 0.2, 1.0, 0.2, 1.0]
    );
}

#[test]
fn arrays_of_several_are_split() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let array = ArrayD::from_shape_fn(vec![3, 1, 2, 2], |index| index[0] as f32);
    ndarray_npy::write_npy(&path, &array).unwrap();
    let found = samples(&path, &[1, 2, 2], 2).unwrap();
    assert_eq!(found.len(), 2);
    assert!(found[1].place.ends_with("x.npy, number 1"));
    let inputs = batch(&found, &[1, 2, 2], None).unwrap();
    assert_eq!(inputs.shape(), [2, 1, 2, 2]);
    assert_eq!(inputs[[1, 0, 1, 1]], 1.0);

    ndarray_npy::write_npy(&path, &array.mapv(|value| value as u8)).unwrap();
    assert!(matches!(
        samples(&path, &[1, 2, 2], 9).unwrap()[2].content,
        Content::Image(_)
    ));
    let bytes = std::fs::read(&path).unwrap();
    write(folder.path(), "x.npy", &bytes[..bytes.len() - 1]);
    assert!(matches!(
        samples(&path, &[1, 2, 2], 9),
        Err(DataError::Damaged { .. })
    ));
}

#[test]
fn nan_is_found_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let array = ArrayD::from_shape_vec(vec![1, 2], vec![0.0f32, f32::NAN]).unwrap();
    ndarray_npy::write_npy(&path, &array).unwrap();
    let error = samples(&path, &[1, 2], 1).unwrap()[0]
        .tensor(&[1, 2], None)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("x.npy: expected finite numbers, found NaN at [0, 1]"),
        "{error}"
    );
}

/// A coarse label and a fine one, which is the class.
#[test]
fn records_of_cifar_100_have_two_labels() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = vec![9; 2 * CIFAR_100.bytes()];
    bytes[1] = 99;
    bytes[CIFAR_100.bytes() + 1] = 42;
    bytes[CIFAR_100.bytes() + 2] = 255;
    let path = write(folder.path(), "test.bin", &bytes);
    let found = samples(&path, &[3, 32, 32], 10).unwrap();
    let labels: Vec<_> = found.iter().map(|sample| sample.label).collect();
    assert_eq!(labels, [Some(99), Some(42)]);
    let tensor = found[1]
        .tensor(&[3, 32, 32], Some(&Preprocessing::default()))
        .unwrap();
    assert_eq!((tensor[[0, 0, 0, 0]], tensor[[0, 0, 0, 1]]), (1.0, 9.0 / 255.0));
    // Of a file of another kind that has this size by accident.
    bytes[1] = 100;
    let path = write(folder.path(), "test.bin", &bytes);
    let error = samples(&path, &[3, 32, 32], 10).unwrap_err().to_string();
    assert!(
        error.ends_with("expected a class below 100 in record 0 of CIFAR-100, found 100"),
        "{error}"
    );
}

#[test]
fn cifar_records_have_labels() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = vec![7; 2 * CIFAR_10.bytes()];
    bytes[CIFAR_10.bytes()] = 3;
    let path = write(folder.path(), "test.bin", &bytes);
    let found = samples(&path, &[3, 32, 32], 10).unwrap();
    let labels: Vec<_> = found.iter().map(|sample| sample.label).collect();
    assert_eq!(labels, [Some(7), Some(3)]);
    let path = write(folder.path(), "test.bin", &bytes[1..]);
    assert!(matches!(
        samples(&path, &[3, 32, 32], 10),
        Err(DataError::Damaged { .. })
    ));
}

#[test]
fn folders_are_read_by_name_and_must_hold_something() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(matches!(
        samples(path, &[1, 1, 1], 9),
        Err(DataError::Empty { .. })
    ));
    for (name, value) in [("b.npy", 2.0f32), ("a.npy", 1.0)] {
        let array = ArrayD::from_elem(vec![1, 1, 1], value);
        ndarray_npy::write_npy(path.join(name), &array).unwrap();
    }
    write(path, "notes.txt", b"not data");
    let found = samples(path, &[1, 1, 1], 9).unwrap();
    assert_eq!(found.len(), 2);
    assert!(found[0].place.ends_with("a.npy"));
    let unknown = samples(&path.join("notes.txt"), &[1], 9);
    assert!(matches!(unknown, Err(DataError::UnknownType { .. })));
}

/// The shipped digits have their labels beside them.
#[test]
fn labels_stand_beside_the_images() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets");
    let name = "mnist-t10k-first1000-images-idx3-ubyte.gz";
    let found = samples(&assets.join(name), &[1, 28, 28], 3).unwrap();
    let labels: Vec<_> = found.iter().map(|sample| sample.label).collect();
    assert_eq!(labels, [Some(7), Some(2), Some(1)]);

    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join(name);
    std::fs::copy(assets.join(name), &alone).unwrap();
    assert_eq!(samples(&alone, &[1, 28, 28], 1).unwrap()[0].label, None);
    let other = folder.path().join("mnist-t10k-first1000-labels-idx1-ubyte");
    std::fs::write(&other, [0, 0, 8, 1, 0, 0, 0, 1, 7]).unwrap();
    let error = samples(&alone, &[1, 28, 28], 1).unwrap_err().to_string();
    assert!(
        error.contains("expected 1000 labels") && error.ends_with("found 1"),
        "{error}"
    );
}

/// Bytes of a `.npy` file with this header and these numbers.
fn npy(header: &str, numbers: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16 + 1).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.push(b'\n');
    bytes.extend(numbers);
    bytes
}

fn header(kind: &str, fortran: &str, shape: &str) -> String {
    format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
}

/// All numbers of the samples.
fn numbers(samples: &[Sample]) -> Vec<Vec<f32>> {
    let tensor = |sample: &Sample| match &sample.content {
        Content::Tensor(tensor) => tensor.iter().copied().collect(),
        Content::Image(_) => panic!("an image"),
    };
    samples.iter().map(tensor).collect()
}

#[test]
fn every_plain_type_of_numbers_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let big = |values: [i32; 2]| values.map(i32::to_be_bytes).concat();
    let half = |value: f32| half::f16::from_f32(value).to_le_bytes();
    for (kind, bytes, expected) in [
        ("<f4", [1.5f32, -2.0].map(f32::to_le_bytes).concat(), [1.5, -2.0]),
        (">f4", [1.5f32, -2.0].map(f32::to_be_bytes).concat(), [1.5, -2.0]),
        ("<f8", [0.1f64, 1e3].map(f64::to_le_bytes).concat(), [0.1, 1e3]),
        ("<f2", [half(0.5), half(-3.0)].concat(), [0.5, -3.0]),
        (
            "<i8",
            [-7i64, 1 << 24].map(i64::to_le_bytes).concat(),
            [-7.0, 16_777_216.0],
        ),
        (">i4", big([-7, 9]), [-7.0, 9.0]),
        (
            "<u2",
            [65535u16, 2].map(u16::to_le_bytes).concat(),
            [65535.0, 2.0],
        ),
        ("|i1", vec![0xff, 5], [-1.0, 5.0]),
        ("|b1", vec![1, 0], [1.0, 0.0]),
    ] {
        let path = write(
            folder.path(),
            "x.npy",
            &npy(&header(kind, "False", "(2,)"), &bytes),
        );
        assert_eq!(numbers(&samples(&path, &[2], 9).unwrap()), [expected], "{kind}");
    }
    for kind in ["<c8", "|O", "<U7", "<M8[ns]"] {
        let path = write(
            folder.path(),
            "x.npy",
            &npy(&header(kind, "False", "(2,)"), &[0; 16]),
        );
        let error = samples(&path, &[2], 9).unwrap_err();
        assert!(matches!(error, DataError::Type { .. }), "{error}");
    }
    // The first axis runs fastest: 0 1 2 / 3 4 5.
    let fortran = [0f32, 3.0, 1.0, 4.0, 2.0, 5.0].map(f32::to_le_bytes).concat();
    let path = write(
        folder.path(),
        "x.npy",
        &npy(&header("<f4", "True", "(2, 3)"), &fortran),
    );
    let rows = [vec![0.0, 1.0, 2.0], vec![3.0, 4.0, 5.0]];
    assert_eq!(numbers(&samples(&path, &[3], 9).unwrap()), rows);
    assert_eq!(numbers(&samples(&path, &[2, 3], 9).unwrap()), [rows.concat()]);
}

/// A header of a few bytes announces terabytes: nothing of that size is made.
#[test]
fn what_a_header_announces_is_compared_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (shape, expected) in [
        (
            "(1000000000000,)",
            "expected 4000000000000 bytes, for shape [1000000000000] of F32",
        ),
        ("(4294967296, 4294967296, 4)", "expected more than 2^64 bytes"),
        ("(99999999999999999999,)", "illegal value"),
        ("(3,)", "expected 12 bytes, for shape [3] of F32, found 8"),
        ("(1,)", "expected 4 bytes, for shape [1] of F32, found 8"),
    ] {
        let path = write(
            folder.path(),
            "x.npy",
            &npy(&header("<f4", "False", shape), &[0; 8]),
        );
        let error = samples(&path, &[2], 9).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // A parser that calls itself for each bracket would overflow its stack.
    let deep = npy(&"(".repeat(9_000), &[]);
    let long = npy(&" ".repeat(20_000), &[]);
    for (bytes, expected) in [(&deep, "9000 brackets"), (&long, "20001 bytes, more than 10000")] {
        let path = write(folder.path(), "x.npy", bytes);
        let error = samples(&path, &[2], 9).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // Version 2 has a header of up to 4 GiB.
    let path = write(folder.path(), "x.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff");
    assert!(matches!(samples(&path, &[2], 9), Err(DataError::Damaged { .. })));
    for bytes in [&b"\x93NUMPY"[..], b"", b"not an array, but a text"] {
        let path = write(folder.path(), "x.npy", bytes);
        assert!(matches!(samples(&path, &[2], 9), Err(DataError::Damaged { .. })));
    }
    // A safetensors file whose header says how long it is.
    for bytes in [
        &[0xff; 20][..],
        &u64::MAX.to_le_bytes(),
        &[2, 0, 0, 0, 0, 0, 0, 0, b'{', b'}'],
    ] {
        let path = write(folder.path(), "x.safetensors", bytes);
        assert!(matches!(samples(&path, &[2], 9), Err(DataError::Damaged { .. })));
    }
    // An image of 4 billion pixels on each side.
    let mut png = std::io::Cursor::new(Vec::new());
    ::image::GrayImage::new(2, 2)
        .write_to(&mut png, ::image::ImageFormat::Png)
        .unwrap();
    let mut png = png.into_inner();
    png[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let mut checksum = flate2::Crc::new();
    checksum.update(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    let path = write(folder.path(), "x.png", &png);
    let error = samples(&path, &[1, 2, 2], 9).unwrap_err().to_string();
    assert!(
        error.contains("exceeds limit") || error.contains("too large"),
        "{error}"
    );
}

fn archive(path: &Path, members: &[(&str, Vec<u8>)]) {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default();
        archive
            .start_file(
                *name,
                options.compression_method(zip::CompressionMethod::Deflated),
            )
            .unwrap();
        std::io::Write::write_all(&mut archive, bytes).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn archives_of_arrays_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let rows = npy(
        &header("<f4", "False", "(3, 2)"),
        &[0f32, 1.0, 2.0, 3.0, 4.0, 5.0].map(f32::to_le_bytes).concat(),
    );
    let digits = npy(&header("|u1", "False", "(4, 2, 2)"), &[7; 16]);
    archive(&path, &[("x_train.npy", rows.clone()), ("digits.npy", digits)]);
    let error = samples(&path, &[2], 9).unwrap_err().to_string();
    assert!(
        error.ends_with("`FILE#NAME` names another, found 2: digits, x_train"),
        "{error}"
    );
    let part = |selection: &str| folder.path().join(format!("x.npz#{selection}"));
    assert_eq!(
        numbers(&samples(&part("x_train"), &[2], 2).unwrap()),
        [[0.0, 1.0], [2.0, 3.0]]
    );
    let found = samples(&part("x_train#2"), &[2], 1).unwrap();
    assert_eq!(numbers(&found), [[4.0, 5.0]]);
    assert!(
        found[0].place.ends_with("x.npz#x_train, number 2"),
        "{}",
        found[0].place
    );
    // Images without an axis of channels.
    let found = samples(&part("digits#3"), &[1, 2, 2], 1).unwrap();
    assert!(matches!(&found[0].content, Content::Image(image) if image.channels == 1));
    let error = samples(&part("x_test"), &[2], 1).unwrap_err().to_string();
    assert!(error.contains("expected an array `x_test`, found 2"), "{error}");
    archive(&path, &[("arr_0.npy", rows)]);
    assert_eq!(samples(&path, &[2], 9).unwrap().len(), 3);

    // 4 GB of zeros, announced by a header that is right: only what is asked for is decompressed.
    let header = npy(&header("<f4", "False", "(1000000000,)"), &[]);
    archive(&path, &[("x.npy", [header, vec![0; 1 << 16]].concat())]);
    let error = samples(&path, &[2], 9).unwrap_err().to_string();
    assert!(error.contains("expected 4000000000 bytes, for shape"), "{error}");
}

#[test]
fn tables_have_a_row_for_each_input() {
    let folder = tempfile::tempdir().unwrap();
    let table = |text: &str| write(folder.path(), "x.csv", text.as_bytes());
    let read = |text: &str| samples(&table(text), &[2], 9).unwrap();
    for text in [
        "1,2\n3,4\n",
        "age, weight\n1, 2\n3,4",
        "\u{feff}a,b\r\n1,2\r\n3,4\r\n",
    ] {
        assert_eq!(numbers(&read(text)), [[1.0, 2.0], [3.0, 4.0]], "{text:?}");
    }
    let labelled = read("label,0,1\n7,1,2\n0,3,4e0\n");
    assert_eq!(numbers(&labelled), [[1.0, 2.0], [3.0, 4.0]]);
    let labels: Vec<_> = labelled.iter().map(|sample| sample.label).collect();
    assert_eq!(labels, [Some(7), Some(0)]);
    // Columns that pandas counted are names, not an input.
    let counted = samples(&table("0,1,2\n5,6,7\n"), &[3], 9).unwrap();
    assert_eq!(numbers(&counted), [[5.0, 6.0, 7.0]]);

    let second = folder.path().join("x.csv#1");
    table("a,b\n1,2\n3,4\n");
    assert_eq!(numbers(&samples(&second, &[2], 9).unwrap()), [[3.0, 4.0]]);
    for (text, expected) in [
        (
            "a,b\n1,2\n3,x\n",
            "x.csv, line 3, column `b`: expected a number, found `x`",
        ),
        (
            "1,2\n3,\n",
            "x.csv, line 2, column 2: expected a number, found nothing",
        ),
        (
            "1.5,x\n3,4\n",
            "x.csv, line 1, column 2: expected a number, found `x`",
        ),
        (
            "1,2\n3\n",
            "x.csv, line 2, column the last: expected 2 columns, as in the first row, found 1",
        ),
        (
            "1,2,3\n",
            "expected 2 columns, one for each number of an input of shape [2]",
        ),
        (
            ",a,b\n0,1,2\n",
            "pandas writes the numbers of rows, unless `index=False`",
        ),
        ("a;b\n1;2\n", "not separated by commas"),
        (
            "label,a,b\ncat,1,2\n",
            "column `label`: expected a number, found `cat`",
        ),
        (
            "label,a,b\n-1,1,2\n",
            "column `label`: expected the number of a class, found `-1`",
        ),
        ("a,b\n", "expected at least one image or array, found none"),
        ("", "expected at least one image or array, found none"),
    ] {
        let error = samples(&table(text), &[2], 9).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    let error = samples(&table("1,nan\n"), &[2], 9).unwrap()[0]
        .tensor(&[2], None)
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("x.csv, number 0: expected finite numbers, found NaN at [1]"),
        "{error}"
    );
}

#[test]
fn one_of_many_is_named_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let array = ArrayD::from_shape_fn(vec![3, 1, 2, 2], |index| index[0] as f32);
    ndarray_npy::write_npy(place("x.npy"), &array).unwrap();
    let found = samples(&place("x.npy#2"), &[1, 2, 2], 1).unwrap();
    assert_eq!(numbers(&found), [[2.0; 4]]);
    assert!(found[0].place.ends_with("x.npy, number 2"));
    let error = samples(&place("x.npy#3"), &[1, 2, 2], 1).unwrap_err().to_string();
    assert!(
        error.ends_with("x.npy#3: expected a number below 3, for inputs are counted from 0, found 3"),
        "{error}"
    );
    for wrong in ["x.npy#", "x.npy#-1", "x.npy#first", "x.npy#99999999999999999999"] {
        let error = samples(&place(wrong), &[1, 2, 2], 1).unwrap_err();
        assert!(matches!(error, DataError::Selection { .. }), "{error}");
    }
    // The file that is there wins.
    std::fs::rename(place("x.npy"), place("x#2.npy")).unwrap();
    assert_eq!(samples(&place("x#2.npy"), &[1, 2, 2], 9).unwrap().len(), 3);
    assert_eq!(
        numbers(&samples(&place("x#2.npy#1"), &[1, 2, 2], 9).unwrap()),
        [[1.0; 4]]
    );
    assert!(matches!(
        samples(&place("y.npy#1"), &[1, 2, 2], 9),
        Err(DataError::Io { .. })
    ));

    let mut records = vec![7; 2 * CIFAR_10.bytes()];
    records[CIFAR_10.bytes()] = 3;
    write(folder.path(), "test.bin", &records);
    let found = samples(&place("test.bin#1"), &[3, 32, 32], 1).unwrap();
    assert_eq!((found.len(), found[0].label), (1, Some(3)));

    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets");
    let all = digits.join("mnist-t10k-first1000-images-idx3-ubyte.gz");
    let first = samples(&all, &[1, 32, 32], 8).unwrap();
    let eighth = samples(
        &digits.join("mnist-t10k-first1000-images-idx3-ubyte.gz#7"),
        &[1, 32, 32],
        1,
    )
    .unwrap();
    let (Content::Image(left), Content::Image(right)) = (&first[7].content, &eighth[0].content) else {
        panic!("images")
    };
    assert_eq!(left, right);
    assert!(eighth[0].place.ends_with(".gz, number 7"));
    // A folder, in the order of names; an image is the only one of its file.
    let seven = samples(&digits.join("seven.png#0"), &[1, 32, 32], 1).unwrap();
    let in_folder = samples(&digits.join("../assets#0"), &[1, 32, 32], 1).unwrap();
    assert_eq!((seven.len(), in_folder.len()), (1, 1));
    assert!(samples(&digits.join("seven.png#1"), &[1, 32, 32], 1).is_err());
    assert!(
        samples(&digits.join("seven.png"), &[1, 32, 32], 0)
            .unwrap()
            .is_empty()
    );
}

/// A gzip stream of zeros that its header bears out: only what is asked for is decompressed.
#[test]
fn compressed_images_are_read_as_far_as_needed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x-idx3-ubyte.gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let words = [0x803u32, 1 << 20, 1 << 6, 1 << 6];
    let start: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
    std::io::Write::write_all(&mut encoder, &start).unwrap();
    std::io::Write::write_all(&mut encoder, &[9; 3 << 12]).unwrap();
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    assert_eq!(samples(&path, &[1, 64, 64], 3).unwrap().len(), 3);
    let error = samples(&path, &[1, 64, 64], 4).unwrap_err().to_string();
    assert!(
        error.contains("asks for 4294967296 elements, found 12288"),
        "{error}"
    );
    let error = samples(&path, &[1, 64, 64], usize::MAX).unwrap_err().to_string();
    assert!(
        error.contains("expected at most 1073741824 bytes to be read at once"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn pipes_and_placeholders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "x.png",
        "x.npy",
        "x.npz",
        "x.csv",
        "x.bin",
        "x.safetensors",
        "x-idx3-ubyte",
    ] {
        let path = folder.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let error = samples(&path, &[1, 2, 2], 9).unwrap_err().to_string();
        assert!(
            error.ends_with("expected a regular file, found a named pipe"),
            "{error}"
        );
        std::fs::remove_file(&path).unwrap();
        write(
            folder.path(),
            name,
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
        );
        let error = samples(&path, &[1, 2, 2], 9).unwrap_err().to_string();
        assert!(
            error.contains("a Git LFS pointer") && error.contains("git lfs pull"),
            "{error}"
        );
    }
}
