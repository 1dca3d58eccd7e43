//! Which passes run.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Level, Pass, all};

/// Which passes run; all by default.
///
/// Written to a file, it holds the switches of the circuit level alone, a byte for each pass in the order of the list:
/// passes of the other levels have acted when a model is written.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Switches {
    /// Bit `i` is set where pass `i` of the list is off.
    off: u32,
}

// A pass beyond the last bit could not be switched off.
const _: () = assert!(super::COUNT <= u32::BITS as usize, "a bit for each pass");

impl Switches {
    /// Whether the pass runs.
    pub fn runs(&self, pass: &dyn Pass) -> bool {
        self.off & bit(pass) == 0
    }

    /// These switches with one pass on or off.
    pub fn with(self, pass: &dyn Pass, runs: bool) -> Self {
        let off = match runs {
            true => self.off & !bit(pass),
            false => self.off | bit(pass),
        };
        Self { off }
    }

    /// These switches without the pass of that name.
    ///
    /// # Errors
    /// An unknown name; the error lists the known ones.
    #[cfg(feature = "prover")]
    pub fn without(self, name: &str) -> Result<Self, UnknownPass> {
        match all().find(|pass| pass.name() == name) {
            Some(pass) => Ok(self.with(pass, false)),
            None => Err(UnknownPass {
                name: name.to_owned(),
            }),
        }
    }

    /// These switches at one level; passes of the other levels are on.
    #[cfg(feature = "prover")]
    pub(crate) fn at(self, level: Level) -> Self {
        let others = all().filter(|pass| pass.level() != level);
        others.fold(self, |switches, pass| switches.with(pass, true))
    }
}

/// The bit of a pass; none for a pass that is not in the list, which always runs.
fn bit(pass: &dyn Pass) -> u32 {
    let place = all().position(|known| known.name() == pass.name());
    place.map_or(0, |place| 1 << place)
}

impl fmt::Debug for Switches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let off = all().filter(|pass| !self.runs(*pass)).map(Pass::name);
        f.write_str("Switches without ")?;
        f.debug_list().entries(off).finish()
    }
}

/// The passes whose switches are written.
fn written() -> impl Iterator<Item = &'static dyn Pass> {
    all().filter(|pass| pass.level() == Level::Circuit)
}

impl Serialize for Switches {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple as _;
        let mut tuple = serializer.serialize_tuple(written().count())?;
        for pass in written() {
            tuple.serialize_element(&self.runs(pass))?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Switches {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Switches;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a switch for each pass of the circuit level")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Switches, A::Error> {
                let mut switches = Switches::default();
                for (place, pass) in written().enumerate() {
                    let runs = sequence
                        .next_element()?
                        .ok_or_else(|| de::Error::invalid_length(place, &self))?;
                    switches = switches.with(pass, runs);
                }
                Ok(switches)
            }
        }

        deserializer.deserialize_tuple(written().count(), Visitor)
    }
}

/// No pass has this name.
#[cfg(feature = "prover")]
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {}, found `{name}`{}", known(), suggestion(name))]
pub struct UnknownPass {
    /// What was given.
    pub name: String,
}

#[cfg(feature = "prover")]
crate::debug_as_display!(UnknownPass);

#[cfg(feature = "prover")]
fn known() -> String {
    all().map(Pass::name).collect::<Vec<_>>().join(", ")
}

/// How alike two names are that may be meant for each other, from 0 to 1.
#[cfg(feature = "prover")]
const ALIKE: f64 = 0.8;

#[cfg(feature = "prover")]
fn suggestion(name: &str) -> String {
    let likeness = |pass: &dyn Pass| strsim::jaro_winkler(&name.to_lowercase(), pass.name());
    let closest = all()
        .map(|pass| (likeness(pass), pass.name()))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match closest {
        Some((alike, known)) if alike >= ALIKE => format!("; did you mean `{known}`?"),
        _ => String::new(),
    }
}

#[cfg(test)]
#[cfg(feature = "prover")]
mod tests {
    use super::super::circuit::table_sharing::TableSharing;
    use super::super::circuit::trace_packing::TracePacking;
    use super::super::model::identity::Identity;
    use super::*;

    #[test]
    fn a_pass_is_switched_off_alone() {
        for pass in all() {
            let switches = Switches::default().without(pass.name()).unwrap();
            for other in all() {
                assert_eq!(switches.runs(other), other.name() != pass.name());
            }
            assert_eq!(switches.with(pass, true), Switches::default());
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = Switches::default()
            .without("tabel_sharing")
            .unwrap_err()
            .to_string();
        for pass in all() {
            assert!(error.contains(pass.name()), "{error}");
        }
        assert!(
            error.ends_with("found `tabel_sharing`; did you mean `table_sharing`?"),
            "{error}"
        );
        let error = Switches::default().without("quux").unwrap_err().to_string();
        assert!(error.ends_with("found `quux`"), "{error}");
    }

    #[test]
    fn a_file_holds_a_byte_for_each_pass_of_the_circuit_level() {
        let switches = Switches::default()
            .with(&TableSharing, false)
            .with(&TracePacking, false);
        let bytes = postcard::to_allocvec(&switches).unwrap();
        assert_eq!(bytes, [1, 0, 1, 1, 1, 1, 1, 0, 1]);
        assert_eq!(postcard::from_bytes::<Switches>(&bytes).unwrap(), switches);
        assert!(postcard::from_bytes::<Switches>(&bytes[..8]).is_err());
        assert!(postcard::from_bytes::<Switches>(&[2; 9]).is_err());
        let both = switches.with(&Identity, false);
        assert_eq!(postcard::to_allocvec(&both).unwrap(), bytes);
        assert_eq!(both.at(Level::Circuit), switches);
    }
}
