//! Inclusion and consistency: what the writer's tree proves, the verifier's algorithms accept, and nothing else.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use chain::{entry, tree::Tree, verify};

fn tree(size: u64) -> Tree {
    let mut tree = Tree::default();
    (0..size).for_each(|n| tree.push(entry::hash(&n.to_be_bytes())));
    tree
}

#[test]
fn every_leaf_of_every_small_tree_is_proven_and_no_other() {
    let tree = tree(70);
    for size in 1..=70 {
        let root = tree.root(size);
        for index in 0..size {
            let leaf = entry::hash(&index.to_be_bytes());
            let proof = tree.inclusion(index, size).unwrap();
            assert!(verify::included(&leaf, index, size, &proof, &root));
            let other = entry::hash(&(index + 1).to_be_bytes());
            assert!(!verify::included(&other, index, size, &proof, &root));
            assert!(!verify::included(&leaf, index + 1, size, &proof, &root) || size == 1 && index + 1 == size);
            assert!(!verify::included(&leaf, index, size, &[proof, vec![root]].concat(), &root));
        }
    }
    assert_eq!(tree.inclusion(70, 70), None);
}

#[test]
fn every_small_tree_is_proven_to_continue_every_smaller_one() {
    let tree = tree(40);
    for new in 1..=40 {
        for old in 1..=new {
            let proof = tree.consistency(old, new).unwrap();
            let (a, b) = (tree.root(old), tree.root(new));
            assert!(verify::consistent(old, &a, new, &b, &proof), "{old} {new}");
            if old < new {
                assert!(!verify::consistent(old, &b, new, &b, &proof), "{old} {new}: another old root");
                assert!(!verify::consistent(old, &a, new, &a, &proof), "{old} {new}: another new root");
            }
        }
    }
    assert_eq!(tree.consistency(0, 10), None);
}

/// RFC 6962, from its published test vectors: the roots of the trees over the first n of eight given leaves.
#[test]
fn roots_are_those_of_rfc_6962() {
    let leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::default();
    for (leaf, root) in leaves.iter().zip(roots) {
        tree.push(entry::hash(&hex::decode(leaf).unwrap()));
        assert_eq!(hex::encode(tree.root(tree.size())), root);
    }
}
