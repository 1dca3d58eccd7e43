//! Reading a field that is a parameter: `#[param(shape = [64])] gain: Parameter`.

use syn::{Expr, Ident, Type};

use crate::diagnostics::{Errors, source};
use crate::field_attributes::{FieldAttributes, own_key};
use crate::hyper;

/// A field that is a parameter.
pub(crate) struct ParameterField {
    pub(crate) name: Ident,
    /// State-dict key of the field.
    pub(crate) key: String,
    pub(crate) shape: Vec<Expr>,
    /// Whether the shape can stand in a `const fn`.
    pub(crate) constant: bool,
}

impl ParameterField {
    /// Nothing when the field is not usable.
    pub(super) fn read(
        name: Ident,
        ty: &Type,
        attributes: FieldAttributes,
        errors: &mut Errors,
    ) -> Option<ParameterField> {
        if attributes.layer.is_some() {
            errors.push(
                &name,
                format!("`{name}` is a parameter and cannot be a layer as well"),
            );
            return None;
        }
        if let Some(key) = &attributes.tied {
            errors.push(
                key,
                "`tied` expects a layer such as `Linear`, found a `Parameter`",
            );
            return None;
        }
        if !is_parameter(ty) {
            errors.push(
                ty,
                format!(
                    "`#[param(shape = ...)]` expects a `Parameter`, found `{}`",
                    source(ty)
                ),
            );
            return None;
        }
        let Some(shape) = attributes.shape else {
            errors.push(
                ty,
                "a `Parameter` needs its shape, `#[param(shape = [64])]`, found none",
            );
            return None;
        };
        let constant = shape.iter().all(hyper::is_constant);
        let key = attributes.rename.unwrap_or_else(|| own_key(&name));
        Some(ParameterField {
            name,
            key,
            shape,
            constant,
        })
    }
}

/// Whether it is the type of a parameter, by its name.
pub(super) fn is_parameter(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Parameter"))
}
