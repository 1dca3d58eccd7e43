//! Optimizations, each a pass that can be switched off and that says what it did.
//!
//! All passes stand in the list below, level by level; within the model level in the order they run. Names for
//! `--without`, [`Switches`], reports, the ablation and the table of `docs/adding-a-pass.md` follow from it. A pass has
//! one file, with its description ([`Pass`]) and its work. The quantizer, the lowering and setup call it there.
//!
//! To add a pass, write its file and add its line here: `docs/adding-a-pass.md` has the steps.
//!
//! Every combination of switches proves and verifies. Without a pass the network is larger, or less precise.

mod list;
#[cfg(test)]
#[cfg(feature = "prover")]
mod list_tests;
mod pass;
mod report;
mod rewrite;
mod run;
mod sizes;
mod switches;
#[cfg(test)]
#[cfg(feature = "prover")]
mod tests;

#[cfg(feature = "prover")]
pub use pass::Change;
pub(crate) use pass::pass;
pub use pass::{ChosenCode, Level, Outcome, Pass, Work};
pub use report::{Measure, PassReport};
#[cfg(feature = "prover")]
pub use run::{OptimizeError, multiply_adds, optimize};
pub use sizes::sizes;
pub use switches::Switches;
#[cfg(feature = "prover")]
pub use switches::UnknownPass;

list::passes! {
    #[cfg(feature = "prover")]
    model: "On the floating-point graph, before calibration. None changes what the network computes, up to the rounding of `f32`." {
        identity::Identity,
        argmax_operand::ArgmaxOperand,
        input_normalization::InputNormalization,
        batch_norm_folding::BatchNormFolding,
        batch_norm_conversion::BatchNormConversion,
        norm_gain_folding::NormGainFolding,
        channel_affine_folding::ChannelAffineFolding,
        norm_sign_folding::NormSignFolding,
        pad_merging::PadMerging,
        contraction_order::ContractionOrder,
        max_pool_order::MaxPoolOrder,
        relu_hoisting::ReluHoisting,
        dead_code::DeadCode,
    }
    #[cfg(feature = "prover")]
    operation: "On single operations, when they are quantized." {
        activation_fusion::ActivationFusion,
        per_channel_scales::PerChannelScales,
        exact_multipliers::ExactMultipliers,
        concat_scales::ConcatScales,
        equalization::Equalization,
        input_scales::InputScales,
    }
    circuit: "On columns, tables, lookups and their commitment. A compiled model keeps their switches, in this order." {
        limb_width::LimbWidth,
        table_sharing::TableSharing,
        virtual_values::VirtualValues,
        shifted_convolution::ShiftedConvolution,
        layer_stacking::LayerStacking,
        weight_blocks::WeightBlocks,
        trace_blocks::TraceBlocks,
        trace_packing::TracePacking,
        code_choice::CodeChoice,
    }
}
