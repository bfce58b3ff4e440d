//! The ledger's places.

use super::*;
use crate::history::fixture::movements;

#[test]
fn what_comes_later_has_a_higher_place() {
    let mut ledger = Ledger::empty(CommitId::from_bytes([0; 20]));
    assert_eq!(ledger.next_sequence(), 0);
    ledger.append(CommitId::from_bytes([4; 20]), movements("4 a/x ->v1"));
    assert_eq!((ledger.next_sequence(), ledger.head()), (5, CommitId::from_bytes([4; 20])));
    ledger.append(CommitId::from_bytes([6; 20]), Vec::new());
    assert_eq!((ledger.next_sequence(), ledger.head()), (5, CommitId::from_bytes([6; 20])));
}
