//! Ids of environments and targets, and the list that each indexes.
//!
//! An id is a place in one list; the type keeps the place of an environment from being used as the place of a target.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A place in an [`IdVec`].
pub trait Id: Copy + Ord {
    /// The id of a place.
    fn at(place: usize) -> Self;

    /// The place of an id.
    fn place(self) -> usize;
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(usize);

        impl Id for $name {
            fn at(place: usize) -> Self {
                Self(place)
            }

            fn place(self) -> usize {
                self.0
            }
        }
    };
}

id! {
    /// An environment of the configuration. A later environment has a higher id than the one it comes after.
    ///
    /// ```compile_fail
    /// # use tidegate::model::{ByEnvironment, Id, TargetId};
    /// let environments: ByEnvironment<&str> = ["non-prod", "prod"].into_iter().collect();
    /// environments[TargetId::at(0)];
    /// ```
    EnvironmentId
}

id! {
    /// A target: one image of one service in one environment, at one commit.
    TargetId
}

/// A list whose items are found by their own kind of id.
#[derive(Clone, PartialEq, Eq)]
pub struct IdVec<I, T> {
    items: Vec<T>,
    id: PhantomData<fn(I) -> I>,
}

/// One item for each environment.
pub type ByEnvironment<T> = IdVec<EnvironmentId, T>;

/// One item for each target.
pub type ByTarget<T> = IdVec<TargetId, T>;

impl<I: Id, T> IdVec<I, T> {
    /// An empty list.
    pub fn new() -> Self {
        Self::from_vec(Vec::new())
    }

    fn from_vec(items: Vec<T>) -> Self {
        Self { items, id: PhantomData }
    }

    /// Appends an item and returns its id.
    pub fn push(&mut self, item: T) -> I {
        self.items.push(item);
        I::at(self.items.len() - 1)
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The first item.
    pub fn first(&self) -> Option<&T> {
        self.items.first()
    }

    /// The id of every item, ascending.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + Clone + use<I, T> {
        (0..self.items.len()).map(I::at)
    }

    /// Every item.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    /// Every item, to be changed.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.items.iter_mut()
    }

    /// Every item with its id.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (I, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(place, item)| (I::at(place), item))
    }

    /// Every item with its id, to be changed.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = (I, &mut T)> {
        self.items.iter_mut().enumerate().map(|(place, item)| (I::at(place), item))
    }

    /// The id of the first item that fits.
    pub fn find(&self, fits: impl FnMut(&T) -> bool) -> Option<I> {
        self.items.iter().position(fits).map(I::at)
    }

    /// A list with the same ids.
    pub fn map<U>(&self, make: impl FnMut(&T) -> U) -> IdVec<I, U> {
        self.items.iter().map(make).collect()
    }
}

impl<I, T> Default for IdVec<I, T> {
    fn default() -> Self {
        Self { items: Vec::new(), id: PhantomData }
    }
}

impl<I, T: fmt::Debug> fmt::Debug for IdVec<I, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(formatter)
    }
}

impl<I: Id, T> Index<I> for IdVec<I, T> {
    type Output = T;

    fn index(&self, id: I) -> &T {
        &self.items[id.place()]
    }
}

impl<I: Id, T> IndexMut<I> for IdVec<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.items[id.place()]
    }
}

impl<I: Id, T> FromIterator<T> for IdVec<I, T> {
    fn from_iter<A: IntoIterator<Item = T>>(items: A) -> Self {
        Self::from_vec(items.into_iter().collect())
    }
}

impl<'a, I: Id, T> IntoIterator for &'a IdVec<I, T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, I: Id, T> IntoIterator for &'a mut IdVec<I, T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<I: Id, T> IntoIterator for IdVec<I, T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}
