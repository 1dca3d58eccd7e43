//! How large the values of each node get, as scales and tables are chosen by: what calibration saw, with
//! [equalized](super::equalize) channels, and what the integer network reached.

use super::calibrate::CalibrationMethod;
use super::observer::{ChannelSpread, Spread};
use super::widths::Widths;
use crate::graph::NodeId;

/// The sizes of the values of all nodes, and the method that makes thresholds of them.
#[derive(Debug, Clone)]
pub(super) struct Ranges<'s> {
    spreads: &'s [Spread],
    /// The largest magnitudes that the integer network reached on calibration samples, beyond those of the float
    /// network; 0 where there are none.
    reached: Vec<f64>,
    /// Thresholds that are given; 0 where there are none.
    fixed: Vec<f64>,
    method: CalibrationMethod,
    /// The largest integer of each node.
    limits: Vec<i64>,
}

impl<'s> Ranges<'s> {
    /// The values of a node become integers as wide as `widths` says.
    pub(super) fn new(spreads: &'s [Spread], method: CalibrationMethod, widths: &Widths) -> Self {
        Self {
            spreads,
            reached: vec![0.0; spreads.len()],
            fixed: vec![0.0; spreads.len()],
            method,
            limits: widths.limits(),
        }
    }

    /// The magnitude that becomes the largest integer.
    pub(super) fn threshold(&self, id: NodeId) -> f64 {
        if let Some(fixed) = self.fixed.get(id.0).filter(|fixed| **fixed > 0.0) {
            return *fixed;
        }
        let spread = self.spreads.get(id.0);
        spread.map_or(0.0, |spread| spread.threshold(self.method, self.limit(id) as f64))
    }

    /// The largest integer of a node's activation.
    pub(super) fn limit(&self, id: NodeId) -> i64 {
        self.limits.get(id.0).copied().unwrap_or(1)
    }

    /// The largest magnitude, whatever the method.
    pub(super) fn largest(&self, id: NodeId) -> f64 {
        let seen = self.spreads.get(id.0).map_or(0.0, |spread| spread.largest);
        seen.max(self.reached.get(id.0).copied().unwrap_or(0.0))
    }

    /// The smallest and the largest value of a node.
    pub(super) fn range(&self, id: NodeId) -> (f64, f64) {
        self.spreads.get(id.0).map_or((0.0, 0.0), |spread| spread.range)
    }

    /// Gives the threshold of a node, in place of the method.
    pub(super) fn fix(&mut self, id: NodeId, threshold: f64) {
        if let Some(fixed) = self.fixed.get_mut(id.0) {
            *fixed = threshold;
        }
    }

    /// Notes that the integer network reached a magnitude. Was it larger than any before?
    pub(super) fn reach(&mut self, id: NodeId, magnitude: f64) -> bool {
        let more = magnitude > self.largest(id);
        if let Some(reached) = self.reached.get_mut(id.0).filter(|_| more) {
            *reached = magnitude;
        }
        more
    }

    /// The sizes of a node's channels; one where its channels were not told apart.
    pub(super) fn channels(&self, id: NodeId) -> &[ChannelSpread] {
        self.spreads.get(id.0).map_or(&[], |spread| &spread.channels)
    }
}
