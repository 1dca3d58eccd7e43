//! The network with [equalized](crate::optimize::operation::equalization) channels, and what calibration saw of it.

use std::borrow::Cow;

use rayon::prelude::*;

use super::calibrate::Calibration;
use super::observer::{Channels, Spread};
use super::options::QuantizeOptions;
use crate::graph::{ChannelScales, Graph, NodeId};
use crate::ops::Float;
use crate::optimize::operation::equalization::{Equalization, Sites};

/// A float network with raised channels. Its nodes are those of the network as it was.
pub(super) struct Equalized<'g> {
    pub(super) graph: Cow<'g, Graph<Float>>,
    /// For each node: channel c of its value was multiplied by `2^exponents[c]`; empty where none was.
    pub(super) exponents: Vec<Vec<i32>>,
    /// The channels of its nodes.
    sites: &'g Sites,
    /// How large its values get.
    pub(super) spreads: Vec<Spread>,
    /// A line for each layer with raised channels.
    pub(super) changes: Vec<String>,
}

impl<'g> Equalized<'g> {
    /// Wide activations have steps enough, and channels of their own where they need them.
    pub(super) fn new(
        graph: &'g Graph<Float>,
        calibration: &'g Calibration,
        options: &QuantizeOptions,
    ) -> Self {
        let runs = options.switches.runs(&Equalization) && !options.is_wide();
        let sites = &calibration.sites;
        let raised = match runs {
            true => sites.exponents(graph, &|id, channel| calibration.size(id, channel)),
            false => Vec::new(),
        };
        let ids = (0..graph.nodes.len()).map(NodeId);
        let exponents: Vec<Vec<i32>> = ids.map(|id| sites.of_node(id, &raised)).collect();
        let spreads = calibration.observers.par_iter().zip(&exponents);
        let spreads = spreads
            .map(|(observer, exponents)| observer.spread(exponents))
            .collect();
        let (graph, changes) = match exponents.iter().all(Vec::is_empty) {
            true => (Cow::Borrowed(graph), Vec::new()),
            false => {
                let (raised, changes) = sites.raised(graph, &raised);
                (Cow::Owned(raised), changes)
            }
        };
        Self {
            graph,
            exponents,
            sites,
            spreads,
            changes,
        }
    }

    /// The scales of a node's channels as the network was, from the one scale of the integers of its value.
    pub(super) fn channel_scales(&self, id: NodeId, scale: f64) -> ChannelScales {
        let exponents = &self.exponents[id.0];
        let shape = &self.graph[id].fact;
        let Some(Some(channels)) = self.sites.nodes.get(id.0).filter(|_| !exponents.is_empty()) else {
            return ChannelScales::one(scale);
        };
        // Channels are axis 1, or runs of the last axis, as in a flattened image.
        let image = shape.get(1) == Some(&exponents.len())
            && shape.iter().skip(2).product::<usize>() == channels.inner;
        let (axis, run) = match image {
            true => (1, 1),
            false => (shape.len().saturating_sub(1), channels.inner),
        };
        let size = shape.get(axis).copied().unwrap_or(1);
        let of = |index: usize| scale * libm::ldexp(1.0, -exponents[index / run % exponents.len()]);
        ChannelScales::new((0..size).map(of).collect(), vec![axis])
    }
}

/// The axis of a node's channels and the channel of each index, for calibration: the last axis of a stream, whose rows a
/// normalization divides; axis 1 of images, the last axis of others.
pub(super) fn split(sites: &Sites, id: NodeId, shape: &[usize], stream: bool) -> Option<Channels> {
    /// Most channels that are told apart where nothing asks for it.
    const MOST: usize = 4096;
    if stream {
        let count = *shape.last()?;
        return Some(Channels { count, inner: 1 });
    }
    if let Some(Some(channels)) = sites.nodes.get(id.0) {
        return Some(Channels {
            count: channels.numbers.len(),
            inner: channels.inner,
        });
    }
    let axis = if shape.len() == 4 {
        1
    } else {
        shape.len().checked_sub(1)?
    };
    let count = *shape.get(axis)?;
    let inner = shape.iter().skip(axis + 1).product();
    (count <= MOST && shape.len() > 1).then_some(Channels { count, inner })
}
