//! Every change of readable outputs is named.

use super::*;

fn outputs() -> ReadableOutputs {
    let logits = ReadableOutput {
        number: None,
        shape: vec![1, 3],
        scale: ChannelScales::one(0.1),
        integers: vec![-3, 0, 12],
        values: vec![-0.3, 0.0, 1.2],
    };
    let class = ReadableOutput {
        number: None,
        shape: vec![1],
        scale: ChannelScales::one(1.0),
        integers: vec![2],
        values: vec![2.0],
    };
    ReadableOutputs {
        model: "small".into(),
        class: Some(2),
        outputs: Some(vec![logits, class]),
    }
}

#[test]
fn text_and_back_agrees() {
    let text = serde_json::to_string_pretty(&outputs()).unwrap();
    let read: ReadableOutputs = serde_json::from_str(&text).unwrap();
    assert_eq!(read.check(&outputs()), Ok(()));
}

#[test]
fn every_change_is_named() {
    type Change = fn(&mut ReadableOutputs);
    fn at(outputs: &mut ReadableOutputs, index: usize) -> &mut ReadableOutput {
        &mut outputs.outputs.as_mut().unwrap()[index]
    }
    let changes: [(Change, &str); 14] = [
        (|o| o.outputs = None, "outputs"),
        (|o| o.model.push('x'), "model"),
        (|o| o.class = Some(1), "class"),
        (|o| o.class = None, "class"),
        (|o| o.outputs.as_mut().unwrap().truncate(1), "number of outputs"),
        (|o| at(o, 0).number = Some(1), "outputs[0].number"),
        (|o| at(o, 0).shape = vec![3, 1], "outputs[0].shape"),
        (
            |o| at(o, 0).scale = ChannelScales::one(0.100_001),
            "outputs[0].scale.scales[0]",
        ),
        (|o| at(o, 0).integers[2] = 13, "outputs[0].integers[2]"),
        (|o| at(o, 0).integers.push(0), "outputs[0].integers: length"),
        (|o| at(o, 0).values[1] = 1e-30, "outputs[0].values[1]"),
        (|o| at(o, 0).values[2] = f64::NAN, "outputs[0].values[2]"),
        (|o| at(o, 1).values.clear(), "outputs[1].values: length"),
        (|o| at(o, 1).integers[0] = 1, "outputs[1].integers[0]"),
    ];
    for (change, place) in changes {
        let mut changed = outputs();
        change(&mut changed);
        assert_eq!(changed.check(&outputs()).unwrap_err().place, place);
    }
}

#[test]
fn unknown_entries_are_refused() {
    let mut text = serde_json::to_value(outputs()).unwrap();
    text["probability"] = 1.0.into();
    assert!(serde_json::from_value::<ReadableOutputs>(text).is_err());
}
