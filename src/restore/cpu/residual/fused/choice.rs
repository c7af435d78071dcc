//! The choice of what computes networks.

use super::kernels::{Kernel, available};
use crate::exit::{ExitStatus, Status};
use crate::plan::network::{Model, Network};

/// Name of tract's own operators.
const STOCK: &str = "stock";

/// What computes networks: a kernel of this processor, or tract's own operators. A network whose
/// integers are not known runs on those in any case.
#[derive(Debug, Clone, Copy)]
pub struct KernelChoice(Option<&'static dyn Kernel>);

/// no kernel is named '{is}' (expected {expected})
#[derive(Debug, Clone, PartialEq, Eq, displaydoc::Display, thiserror::Error)]
pub struct NoKernel {
    is: String,
    expected: String,
}

impl ExitStatus for NoKernel {
    fn status(&self) -> Status {
        Status::Usage
    }
}

impl KernelChoice {
    /// The fastest kernel of this processor.
    pub fn fastest() -> Self {
        Self(available().into_iter().next())
    }

    /// All there are here, the fastest first.
    pub fn all() -> impl Iterator<Item = Self> {
        available().into_iter().map(Some).chain([None]).map(Self)
    }

    /// The kernel of that name.
    ///
    /// # Errors
    /// Where there is none of that name here.
    pub fn named(name: &str) -> Result<Self, NoKernel> {
        Self::all().find(|kernel| kernel.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::all().map(Self::name).collect();
            NoKernel { is: name.to_owned(), expected: names.join(", ") }
        })
    }

    /// Name for people.
    pub fn name(self) -> &'static str {
        self.0.map_or(STOCK, Kernel::name)
    }

    /// Name of what computes the networks of a model by this choice; both, where only some of them
    /// are known.
    pub fn names_for(self, model: &Model) -> String {
        let name = |network: &Network| network.integers.as_ref().map_or(STOCK, |_| self.name());
        let mut names: Vec<_> = model.networks.iter().map(name).collect();
        names.sort_by_key(|&name| name == STOCK);
        names.dedup();
        names.join(", ")
    }

    /// The kernel; `None` for tract's own operators.
    pub(super) fn kernel(self) -> Option<&'static dyn Kernel> {
        self.0
    }
}

impl Default for KernelChoice {
    fn default() -> Self {
        Self::fastest()
    }
}

impl PartialEq for KernelChoice {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}
