//! The shape of a graph: who leads where, in linear time.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Check;
use crate::{Edge, Graph, NodeSpec, Port};

pub(super) struct Shape<'g> {
    pub graph: &'g Graph,
    index: HashMap<&'g str, usize>,
    to: Vec<Vec<usize>>,
    from: Vec<Vec<usize>>,
    repeated: HashSet<(&'g str, &'g Port, &'g str)>,
}

impl<'g> Shape<'g> {
    pub fn new(graph: &'g Graph) -> Self {
        let mut index = HashMap::new();
        for (i, node) in graph.nodes.iter().enumerate() {
            index.entry(node.id.as_str()).or_insert(i);
        }
        let mut to = vec![Vec::new(); graph.nodes.len()];
        let mut from = vec![Vec::new(); graph.nodes.len()];
        let (mut seen, mut repeated) = (HashSet::new(), HashSet::new());
        for edge in &graph.edges {
            let key = (edge.from.as_str(), &edge.output, edge.to.as_str());
            if !seen.insert(key) {
                repeated.insert(key);
            }
            if let (Some(&a), Some(&b)) = (index.get(edge.from.as_str()), index.get(edge.to.as_str())) {
                to[a].push(b);
                from[b].push(a);
            }
        }
        Self { graph, index, to, from, repeated }
    }

    pub fn index(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    pub fn repeated(&self, edge: &Edge) -> bool {
        self.repeated.contains(&(edge.from.as_str(), &edge.output, edge.to.as_str()))
    }

    /// Whether the type of `node` could not be read, so that nothing can be said of its ports.
    pub fn untyped(&self, node: &NodeSpec, untyped: &BTreeSet<String>, check: &Check<'_>) -> bool {
        check.ids.get(&node.id).is_some_and(|path| untyped.contains(path))
    }

    /// One circle, if there is any, in the order of its edges.
    pub fn cycle(&self) -> Option<Vec<usize>> {
        let mut open: Vec<usize> = self.from.iter().map(Vec::len).collect();
        let mut free: Vec<usize> = (0..open.len()).filter(|i| open[*i] == 0).collect();
        while let Some(i) = free.pop() {
            for &next in &self.to[i] {
                open[next] -= 1;
                if open[next] == 0 {
                    free.push(next);
                }
            }
        }
        // every node that is left has a predecessor that is left, so going backwards must come round
        let mut at = open.iter().position(|n| *n > 0)?;
        let (mut walked, mut place) = (Vec::new(), HashMap::new());
        while let std::collections::hash_map::Entry::Vacant(entry) = place.entry(at) {
            entry.insert(walked.len());
            walked.push(at);
            at = *self.from[at].iter().find(|p| open[**p] > 0)?;
        }
        let mut circle = walked.split_off(place[&at]);
        circle.reverse();
        Some(circle)
    }

    /// Nodes that no trigger leads to. Without a trigger, nodes that no edge touches while others have edges.
    /// Nothing, while an edge names a node that does not exist: that is the error to mend first.
    pub fn unreachable(&self) -> Vec<usize> {
        let nodes = &self.graph.nodes;
        let known = |edge: &Edge| self.index(&edge.from).is_some() && self.index(&edge.to).is_some();
        if !self.graph.edges.iter().all(known) {
            return Vec::new();
        }
        let mut reached: Vec<bool> = nodes.iter().map(|node| node.kind.is_trigger()).collect();
        if !reached.contains(&true) {
            let alone = |i: &usize| self.to[*i].is_empty() && self.from[*i].is_empty();
            return (0..nodes.len()).filter(|i| nodes.len() > 1 && alone(i)).collect();
        }
        let mut open: Vec<usize> = (0..nodes.len()).filter(|i| reached[*i]).collect();
        while let Some(i) = open.pop() {
            for &next in &self.to[i] {
                if !std::mem::replace(&mut reached[next], true) {
                    open.push(next);
                }
            }
        }
        (0..nodes.len()).filter(|i| !reached[*i]).collect()
    }

    /// Everything that leads to a node, by index.
    pub fn ancestors(&self, node: usize) -> Vec<bool> {
        let mut found = vec![false; self.from.len()];
        let mut open = self.from[node].clone();
        while let Some(i) = open.pop() {
            if !std::mem::replace(&mut found[i], true) {
                open.extend(&self.from[i]);
            }
        }
        found
    }
}
