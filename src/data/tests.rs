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

    ndarray_npy::write_npy(&path, &array.mapv(|value| value as i64)).unwrap();
    let error = samples(&path, &[1, 2, 2], 2).unwrap_err().to_string();
    assert!(
        error.contains("expected float32, float64 or bytes (uint8), found") && error.contains("i8"),
        "{error}"
    );
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

#[test]
fn cifar_records_have_labels() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = vec![7; 2 * CIFAR_RECORD];
    bytes[CIFAR_RECORD] = 3;
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
