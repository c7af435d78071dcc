//! Programs of a card, compiled by its driver: only what is needed of each.

#![expect(unsafe_code, reason = "functions of NVIDIA's driver are called")]

use std::ffi::CString;
use std::sync::Arc;

use super::cuda::sys;
use super::device::Device;
use super::error::GpuError;

/// A text of programs, generated from the source beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Source {
    Rows,
    Columns,
    Residual,
}

impl Source {
    fn text(self) -> &'static str {
        match self {
            Self::Rows => include_str!("../kernels/rows.ptx"),
            Self::Columns => include_str!("../kernels/columns.ptx"),
            Self::Residual => include_str!("../kernels/residual.ptx"),
        }
    }

    fn kernels(self) -> &'static [&'static str] {
        match self {
            Self::Rows => &["rows_forward", "rows_back"],
            Self::Columns => &["columns"],
            Self::Residual => &["head16", "head32", "chain16", "chain32", "tail16", "tail32"],
        }
    }
}

/// A program of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kernel {
    RowsForward,
    RowsBack,
    Columns,
    Head16,
    Head32,
    Chain16,
    Chain32,
    Tail16,
    Tail32,
}

impl Kernel {
    /// Its number among those of its source.
    fn index(self) -> usize {
        match self {
            Self::RowsForward | Self::Columns | Self::Head16 => 0,
            Self::RowsBack | Self::Head32 => 1,
            Self::Chain16 => 2,
            Self::Chain32 => 3,
            Self::Tail16 => 4,
            Self::Tail32 => 5,
        }
    }
}

/// Radices of the first, the inner and the last pass of transforms that a program is to be for.
pub(in super::super) type Radices = [Vec<i32>; 3];

/// What is to be compiled.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Wanted {
    pub(in super::super) source: Source,
    pub(in super::super) radices: Radices,
}

/// Programs on a card.
#[derive(Debug)]
pub(in super::super) struct Programs {
    device: Arc<Device>,
    module: sys::CUmodule,
    functions: Vec<sys::CUfunction>,
}

// SAFETY: modules and functions of the driver may be used by any thread that has made their context its current one.
unsafe impl Send for Programs {}
// SAFETY: as above; nothing of it changes.
unsafe impl Sync for Programs {}

impl Programs {
    /// Has the driver compile what is wanted, which takes a good part of a second unless it has kept it.
    ///
    /// # Errors
    /// Where the driver refuses it.
    pub(in super::super) fn new(device: &Arc<Device>, wanted: &Wanted) -> Result<Self, GpuError> {
        device.enter()?;
        let text = pruned(wanted.source.text(), &wanted.radices);
        let text = CString::new(text).map_err(|_| GpuError::Unfit("programs with zeros".into()))?;
        let mut module = std::ptr::null_mut();
        // SAFETY: the text ends with a zero, and is read before this returns.
        unsafe { device.driver().cuModuleLoadData(&raw mut module, text.as_ptr().cast()) }?;
        let mut programs = Self { device: Arc::clone(device), module, functions: Vec::new() };
        for name in wanted.source.kernels() {
            let function = programs.find(name)?;
            programs.functions.push(function);
        }
        Ok(programs)
    }

    fn find(&self, name: &str) -> Result<sys::CUfunction, GpuError> {
        use sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES as MOST;
        let name = CString::new(name).map_err(|_| GpuError::Unfit("names with zeros".into()))?;
        let (driver, mut found) = (self.device.driver(), std::ptr::null_mut());
        // SAFETY: the module is loaded, and the name ends with a zero.
        unsafe { driver.cuModuleGetFunction(&raw mut found, self.module, name.as_ptr()) }?;
        let bytes = i32::try_from(self.device.shared()).unwrap_or(i32::MAX);
        // SAFETY: the function is one of the module.
        unsafe { driver.cuFuncSetAttribute(found, MOST, bytes) }?;
        Ok(found)
    }

    /// What the driver calls one of them.
    pub(super) fn function(&self, kernel: Kernel) -> sys::CUfunction {
        self.functions[kernel.index()]
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        // Nobody is left to hear of failures.
        let _ = self.device.enter();
        // SAFETY: it was loaded and is not used again: what uses it holds it.
        let _ = unsafe { self.device.driver().cuModuleUnload(self.module) };
    }
}

/// Says of each radix, `HAS_PLACE_RADIX` in a text, whether it is there: the driver leaves out what is not, which
/// makes programs small and their compiling short.
fn pruned(text: &str, radices: &Radices) -> String {
    const MARK: &str = "HAS_";
    let mut parts = text.split(MARK);
    let mut pruned = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|byte: char| byte != '_' && !byte.is_ascii_digit());
        let (named, rest) = part.split_at(end.unwrap_or(part.len()));
        let numbers = named.split_once('_');
        let is_there = numbers.is_some_and(|(place, radix)| {
            let radices = place.parse::<usize>().ok().and_then(|place| radices.get(place));
            let radix = radix.parse::<i32>();
            radices.is_some_and(|radices| radix.is_ok_and(|radix| radices.contains(&radix)))
        });
        pruned.push(if is_there { '1' } else { '0' });
        pruned.push_str(rest);
    }
    pruned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_have_the_passes_they_are_to_have() {
        let text = "mov.s32 %r1, HAS_0_14;\nmov.s32 %r2, HAS_0_4;\nmov.s32 %r3, HAS_2_4;\n";
        let radices = [vec![14], vec![], vec![8, 4]];
        let expected = "mov.s32 %r1, 1;\nmov.s32 %r2, 0;\nmov.s32 %r3, 1;\n";
        assert_eq!(pruned(text, &radices), expected);
        for source in [Source::Rows, Source::Columns] {
            assert!(source.text().contains("HAS_1_14;"), "{source:?}");
        }
        assert!(!Source::Residual.text().contains("HAS_"), "networks have no passes");
    }
}
