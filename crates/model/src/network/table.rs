//! Tables of resources: dense storage, typed positions, lookup by id.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::aws::Name;

/// A resource with an id of its own.
pub trait Resource {
    /// The id type.
    type Id: Clone + Eq + Ord + Hash + Borrow<str> + fmt::Display + fmt::Debug;

    /// The id.
    fn id(&self) -> &Self::Id;
}

/// The position of a `T` in its [`Table`].
///
/// Positions are minted by the table alone, so one that exists is valid for the table it came from.
pub struct Idx<T>(u32, PhantomData<fn() -> T>);

impl<T> Idx<T> {
    fn new(position: usize) -> Self {
        Self(u32::try_from(position).unwrap_or(u32::MAX), PhantomData)
    }

    /// The position as a number, for dense side tables.
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

impl<T> Clone for Idx<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Idx<T> {}

impl<T> PartialEq for Idx<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Idx<T> {}

impl<T> PartialOrd for Idx<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Idx<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> Hash for Idx<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Idx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A reference from one resource to another: resolved, or an id that the snapshot does not hold.
///
/// A dangling reference is a fact about the snapshot, not an error: whoever needs the other end answers `unknown`.
pub enum Ref<T: Resource> {
    /// The resource is in the snapshot.
    Known(Idx<T>),
    /// Only its id is.
    Missing(T::Id),
}

impl<T: Resource> Ref<T> {
    /// The position, where the reference is resolved.
    pub fn known(&self) -> Option<Idx<T>> {
        match self {
            Ref::Known(idx) => Some(*idx),
            Ref::Missing(_) => None,
        }
    }

    /// The id, resolved or not.
    pub fn id<'a>(&'a self, table: &'a Table<T>) -> &'a T::Id {
        match self {
            Ref::Known(idx) => table.get(*idx).id(),
            Ref::Missing(id) => id,
        }
    }
}

impl<T: Resource> Clone for Ref<T> {
    fn clone(&self) -> Self {
        match self {
            Ref::Known(idx) => Ref::Known(*idx),
            Ref::Missing(id) => Ref::Missing(id.clone()),
        }
    }
}

impl<T: Resource> PartialEq for Ref<T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Ref::Known(a), Ref::Known(b)) => a == b,
            (Ref::Missing(a), Ref::Missing(b)) => a == b,
            _ => false,
        }
    }
}

impl<T: Resource> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ref::Known(idx) => idx.fmt(f),
            Ref::Missing(id) => write!(f, "missing {id}"),
        }
    }
}

/// All resources of one kind, in input order.
///
/// A clone shares the resources until one of the two is changed: networks that differ in a rule share all other tables.
pub struct Table<T: Resource> {
    items: Arc<Vec<T>>,
    by_id: Arc<FxHashMap<T::Id, Idx<T>>>,
}

impl<T: Resource> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self { items: Arc::clone(&self.items), by_id: Arc::clone(&self.by_id) }
    }
}

impl<T: Resource> Default for Table<T> {
    fn default() -> Self {
        Self { items: Arc::default(), by_id: Arc::default() }
    }
}

impl<T: Resource + fmt::Debug> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&*self.items).finish()
    }
}

impl<T: Resource + Clone> Table<T> {
    /// Appends `item`; where the id is taken, the earlier one stays the one that lookups find.
    pub fn push(&mut self, item: T) -> Idx<T> {
        let idx = Idx::new(self.items.len());
        Arc::make_mut(&mut self.by_id).entry(item.id().clone()).or_insert(idx);
        Arc::make_mut(&mut self.items).push(item);
        idx
    }

    /// Lets lookups by id forget the resource at `idx`. Positions stay what they are: whoever deletes a resource leaves
    /// an empty shell of it there, and nothing that refers to it.
    pub(super) fn forget(&mut self, idx: Idx<T>) {
        let id = self.get(idx).id().clone();
        if self.find(&id) == Some(idx) {
            Arc::make_mut(&mut self.by_id).remove::<T::Id>(&id);
        }
    }

    /// Makes room for `count` more.
    pub(super) fn reserve(&mut self, count: usize) {
        Arc::make_mut(&mut self.items).reserve_exact(count);
        Arc::make_mut(&mut self.by_id).reserve(count);
    }

    /// The resource at `idx`, to be changed. O(1), or O(|table|) where a clone shares it.
    #[expect(clippy::indexing_slicing, reason = "positions are minted by this table and it never shrinks")]
    pub fn get_mut(&mut self, idx: Idx<T>) -> &mut T {
        &mut Arc::make_mut(&mut self.items)[idx.position()]
    }
}

impl<T: Resource> Table<T> {
    /// The resource at `idx`. O(1).
    #[expect(clippy::indexing_slicing, reason = "positions are minted by this table and it never shrinks")]
    pub fn get(&self, idx: Idx<T>) -> &T {
        &self.items[idx.position()]
    }

    /// Whether the resource at `idx` is one that lookups find: a deleted one is not. O(1).
    pub fn holds(&self, idx: Idx<T>) -> bool {
        self.find(self.get(idx).id()) == Some(idx)
    }

    /// The position of `id`. O(1).
    pub fn find(&self, id: &T::Id) -> Option<Idx<T>> {
        self.by_id.get::<T::Id>(id).copied()
    }

    /// The position of the resource whose id is `text`. O(1).
    pub fn find_text(&self, text: &str) -> Option<Idx<T>> {
        self.by_id.get(text).copied()
    }

    /// A reference to the resource with this id; `None` where it is no id.
    pub(super) fn reference_to(&self, id: &Name) -> Option<Ref<T>>
    where
        T::Id: TryFrom<Arc<str>>,
    {
        match self.find_text(id) {
            Some(idx) => Some(Ref::Known(idx)),
            None => T::Id::try_from(id.clone().into()).ok().map(Ref::Missing),
        }
    }

    /// A reference to `id`, resolved where the table holds it.
    pub fn reference(&self, id: T::Id) -> Ref<T> {
        match self.find(&id) {
            Some(idx) => Ref::Known(idx),
            None => Ref::Missing(id),
        }
    }

    /// All resources with their positions, in input order.
    pub fn iter(&self) -> impl Iterator<Item = (Idx<T>, &T)> {
        self.items.iter().enumerate().map(|(position, item)| (Idx::new(position), item))
    }

    /// All positions.
    pub fn indices(&self) -> impl Iterator<Item = Idx<T>> + use<T> {
        (0..self.items.len()).map(Idx::new)
    }

    /// Whether two tables are one and the same, neither changed since they were cloned. O(1).
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.items, &other.items)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}
