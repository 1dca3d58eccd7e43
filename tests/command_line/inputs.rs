//! Inputs of `zkml prove`: which are taken, and which are refused.

use image::{GrayImage, ImageFormat, Luma, RgbImage};
use ndarray::ArrayD;
use zkml::data::idx::read_images;

use super::lenet::{DIGITS, answer, prove};
use super::{assert_refused, text};

/// A picture that was not divided by 255 is another picture once it is clipped. It is not proved, unless that is wanted.
#[test]
fn inputs_unlike_the_samples_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let images = read_images(DIGITS).unwrap();
    let digit = images.get(0).unwrap();
    let write = |name: &str, factor: f32| {
        let mut input = ArrayD::<f32>::zeros(vec![1, 1, 32, 32]);
        for (index, pixel) in digit.iter().enumerate() {
            input[[0, 0, index / 28 + 2, index % 28 + 2]] = f32::from(*pixel) * factor;
        }
        let path = folder.path().join(name);
        ndarray_npy::write_npy(&path, &input).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (name, factor) in [
        ("raw.npy", 1.0),
        ("large.npy", 10.0 / 255.0),
        ("negated.npy", -1.0 / 255.0),
    ] {
        let (out, output) = prove(&write(name, factor), &[]);
        assert_refused(
            &output,
            1,
            &["--input is unlike the calibration samples", "--allow-clipping"],
        );
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "{name}");
    }
    let input = write("raw.npy", 1.0);
    let (_out, output) = prove(&input, &["--allow-clipping", "--json"]);
    assert!(
        text(&output.stderr).contains("are clipped"),
        "{}",
        text(&output.stderr)
    );
    let clipping = &answer(&output)["input_clipping"];
    assert!(clipping["clipped"].as_u64().unwrap() > 50, "{clipping}");
    assert_eq!(clipping["values"], 1024);
    let (_out, output) = prove(&write("right.npy", 1.0 / 255.0), &["--json"]);
    assert_eq!(answer(&output)["input_clipping"]["outside_calibration"], 0);
}

#[test]
fn an_array_of_floats_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let digits = read_images(DIGITS).unwrap();
    let pixels = digits.get(0).unwrap();
    let array = ArrayD::from_shape_fn(vec![1, 32, 32], |index| {
        let inside = (2..30).contains(&index[1]) && (2..30).contains(&index[2]);
        if inside {
            f32::from(pixels[(index[1] - 2) * 28 + index[2] - 2]) / 255.0
        } else {
            0.0
        }
    });
    let path = folder.path().join("seven.npy");
    ndarray_npy::write_npy(&path, &array).unwrap();
    let (_out, from_array) = prove(path.to_str().unwrap(), &["--json"]);
    let (_out, from_image) = prove("seven.png", &["--json"]);
    assert_eq!(answer(&from_array)["answers"], answer(&from_image)["answers"]);

    let mut tensors = Vec::new();
    let bytes: Vec<u8> = array.iter().flat_map(|value| value.to_le_bytes()).collect();
    let view =
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1, 1, 32, 32], &bytes).unwrap();
    tensors.push(("input", view));
    let path = folder.path().join("seven.safetensors");
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let (_out, from_tensor) = prove(path.to_str().unwrap(), &["--json"]);
    assert_eq!(answer(&from_tensor)["answers"], answer(&from_image)["answers"]);
}

#[test]
fn inputs_that_do_not_fit_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let refused = |name: &str, code: i32, words: &[&str]| {
        let (out, output) = prove(&path(name), &[]);
        assert_refused(&output, code, words);
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "{name}");
    };
    GrayImage::new(30, 28).save(path("wide.png")).unwrap();
    refused(
        "wide.png",
        1,
        &[
            "wide.png: expected 28 x 28 pixels (the model adds 2 on each side)",
            "found 28 x 30",
        ],
    );

    RgbImage::from_fn(28, 28, |x, _| image::Rgb([x as u8, 0, 0]))
        .save(path("red.png"))
        .unwrap();
    refused(
        "red.png",
        1,
        &["red.png: expected a grey image, found a coloured pixel at row 0, column 1"],
    );

    let mut bytes = std::io::Cursor::new(Vec::new());
    GrayImage::from_pixel(28, 28, Luma([9]))
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    let bytes = bytes.into_inner();
    std::fs::write(path("cut.png"), &bytes[..bytes.len() - 20]).unwrap();
    refused("cut.png", 1, &["cut.png: expected a whole image"]);

    let mut array = ArrayD::<f32>::zeros(vec![1, 32, 32]);
    array[[0, 3, 4]] = f32::NAN;
    ndarray_npy::write_npy(path("nan.npy"), &array).unwrap();
    refused(
        "nan.npy",
        1,
        &["nan.npy: expected finite numbers, found NaN at [0, 3, 4]"],
    );
    let complex =
        b"\x93NUMPY\x01\x00\x38\x00{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}\n12345678";
    std::fs::write(path("complex.npy"), complex).unwrap();
    refused(
        "complex.npy",
        1,
        &["complex.npy: expected numbers of 8 to 64 bits, integers, floats or bool, found '<c8'"],
    );
    ndarray_npy::write_npy(path("small.npy"), &ArrayD::<f32>::zeros(vec![1, 28, 28])).unwrap();
    refused(
        "small.npy",
        1,
        &["small.npy: expected numbers of shape [1, 32, 32] or [N, 1, 32, 32], found [1, 28, 28]"],
    );
    ndarray_npy::write_npy(path("two.npy"), &ArrayD::<f32>::zeros(vec![2, 1, 32, 32])).unwrap();
    refused(
        "two.npy",
        2,
        &[
            "--input: expected 1 input for one proof of this model, found 2 or more",
            "`FILE#7`",
        ],
    );

    std::fs::write(path("notes.txt"), "no image").unwrap();
    refused("notes.txt", 2, &["notes.txt: expected a folder, .png"]);
    refused("missing.png", 2, &["missing.png: "]);
}
