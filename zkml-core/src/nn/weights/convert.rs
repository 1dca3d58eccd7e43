//! What to do with weights that are not in a safetensors file.

use std::path::Path;

use crate::files::Foreign;

/// The lines, each on its own, that make a safetensors file of another one; nothing where there are none.
pub(super) fn remedy(foreign: Foreign, file: &Path) -> String {
    let (from, to) = (quoted(file), quoted(&file.with_extension("safetensors")));
    let python = |import: &str, read: &str, tensors: &str, write: &str| {
        format!(
            ". In Python these two lines convert it:\
             \n  import {import}; state = {read}\
             \n  {write}.save_file({tensors}, {to})"
        )
    };
    let torch = |read: &str, tensors: &str| {
        let tensors = format!("{{name: value.contiguous().clone() for name, value in {tensors}}}");
        python("torch, safetensors.torch", read, &tensors, "safetensors.torch")
    };
    match foreign {
        Foreign::TorchCheckpoint => torch(
            &format!("torch.load({from}, map_location=\"cpu\", weights_only=True)"),
            // Training scripts keep other things beside the weights.
            "state.get(\"state_dict\", state).items()",
        ),
        Foreign::TorchScript => torch(
            &format!("torch.jit.load({from}, map_location=\"cpu\").state_dict()"),
            "state.items()",
        ),
        Foreign::TorchExport => torch(&format!("torch.export.load({from}).state_dict"), "state.items()"),
        Foreign::Pickle => {
            let lines = python(
                "pickle, numpy, safetensors.numpy",
                &format!("pickle.load(open({from}, \"rb\"))"),
                "{name: numpy.ascontiguousarray(value) for name, value in state.items()}",
                "safetensors.numpy",
            );
            format!("{lines}\nA pickle can run any code when it is loaded: convert only what you trust")
        }
        Foreign::Npz => python(
            "numpy, safetensors.numpy",
            &format!("numpy.load({from})"),
            "{name: numpy.ascontiguousarray(value) for name, value in state.items()}",
            "safetensors.numpy",
        ),
        Foreign::Onnx => python(
            "onnx, safetensors.numpy",
            &format!("onnx.load({from}).graph.initializer"),
            "{tensor.name: onnx.numpy_helper.to_array(tensor).copy() for tensor in state}",
            "safetensors.numpy",
        ),
        Foreign::LfsPointer => {
            let name = file.file_name().unwrap_or_default();
            format!(
                ". In its folder these two lines fetch it:\n  git lfs install\n  git lfs pull --include {}",
                quoted(Path::new(name))
            )
        }
        Foreign::Png | Foreign::Jpeg | Foreign::Npy => {
            ". Images and arrays are inputs, not weights".to_owned()
        }
        Foreign::Gzip => ". Decompress it first".to_owned(),
        _ => String::new(),
    }
}

/// A path as a string of Python, or of a shell for names without its special characters.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
