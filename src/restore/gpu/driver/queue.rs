//! What a card is asked to do, one thing after the other, and whole frames of that, asked for at once.

#![expect(unsafe_code, reason = "programs are launched on a card")]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

use super::cuda::{Driver, sys};
use super::device::Device;
use super::error::GpuError;
use super::memory::{Address, Buffer, Pinned};
use super::program::{Kernel, Programs};

/// An argument of a program.
///
/// # Safety
/// It is laid out as the program has it.
pub(in super::super) unsafe trait Argument {
    /// Where it is.
    fn place(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }
}

// SAFETY: an int.
unsafe impl Argument for i32 {}
// SAFETY: an address, as transparent.
unsafe impl Argument for Address {}

/// A program and what it works on. It, and what addresses among the arguments name, must live as long as what is
/// recorded.
pub(in super::super) struct Launch<'a> {
    pub(in super::super) programs: &'a Programs,
    pub(in super::super) kernel: Kernel,
    /// Blocks.
    pub(in super::super) grid: [usize; 2],
    /// Threads of a block.
    pub(in super::super) threads: usize,
    /// Bytes of shared memory of a block.
    pub(in super::super) shared: usize,
    pub(in super::super) arguments: &'a [&'a dyn Argument],
}

/// What a card is asked to do, one thing after the other.
#[derive(Debug)]
pub(in super::super) struct Queue {
    device: Arc<Device>,
    stream: sys::CUstream,
    /// At the begin and the end of what is timed.
    events: [sys::CUevent; 2],
}

// SAFETY: streams and events may be used by any thread that has made their context its current one.
unsafe impl Send for Queue {}

impl Queue {
    /// An empty one, of the least priority: others may infer on the same card.
    ///
    /// # Errors
    /// Where the card fails.
    pub(in super::super) fn new(device: &Arc<Device>) -> Result<Self, GpuError> {
        device.enter()?;
        let (driver, device) = (device.driver(), Arc::clone(device));
        let (mut least, mut greatest, mut stream) = (0, 0, null_mut());
        // SAFETY: it writes two numbers.
        unsafe { driver.cuCtxGetStreamPriorityRange(&raw mut least, &raw mut greatest) }?;
        let apart = sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
        // SAFETY: what is made is destroyed by `drop` alone.
        unsafe { driver.cuStreamCreateWithPriority(&raw mut stream, apart, least) }?;
        let mut queue = Self { device, stream, events: [null_mut(); 2] };
        for event in &mut queue.events {
            // SAFETY: as above.
            unsafe { driver.cuEventCreate(event, 0) }?;
        }
        Ok(queue)
    }

    /// Asks for a program.
    ///
    /// # Errors
    /// Where the card refuses it.
    pub(in super::super) fn launch(&self, launch: &Launch<'_>) -> Result<(), GpuError> {
        let Launch { programs, kernel, grid, threads, shared, arguments } = launch;
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let mut places: Vec<*mut c_void> = arguments.iter().map(|one| one.place()).collect();
        let [columns, rows] = grid.map(number);
        let (threads, shared) = (number(*threads), number(*shared));
        let (function, places) = (programs.function(*kernel), places.as_mut_ptr());
        let (driver, stream) = (self.driver(), self.stream);
        // SAFETY: the arguments are laid out as the program has them, and are copied before this returns; the
        // program keeps within what they name.
        unsafe {
            driver.cuLaunchKernel(
                function,
                columns,
                rows,
                1,
                threads,
                1,
                1,
                shared,
                stream,
                places,
                null_mut(),
            )
        }
    }

    /// Asks for a copy to the card.
    ///
    /// # Errors
    /// Where the card refuses it.
    pub(in super::super) fn upload(&self, from: &Pinned, to: &Buffer<f32>) -> Result<(), GpuError> {
        let (from, to, to_len) = (from.samples(), to.address().0, to.len());
        check(from.len(), to_len)?;
        let (driver, bytes) = (self.driver(), size_of_val(from));
        // SAFETY: both have as many samples, and live as long as what is recorded.
        unsafe { driver.cuMemcpyHtoDAsync_v2(to, from.as_ptr().cast(), bytes, self.stream) }
    }

    /// Asks for a copy from the card.
    ///
    /// # Errors
    /// Where the card refuses it.
    pub(in super::super) fn download(
        &self,
        from: &Buffer<f32>,
        to: &mut Pinned,
    ) -> Result<(), GpuError> {
        let (from, from_len, to) = (from.address().0, from.len(), to.samples_mut());
        check(from_len, to.len())?;
        let (driver, bytes) = (self.driver(), size_of_val(to));
        // SAFETY: both have as many samples, and live as long as what is recorded.
        unsafe { driver.cuMemcpyDtoHAsync_v2(to.as_mut_ptr().cast(), from, bytes, self.stream) }
    }

    /// Records what `ask` asks for, to be asked for at once later.
    ///
    /// # Errors
    /// Where the card refuses any of it.
    pub(in super::super) fn record(
        &self,
        ask: impl FnOnce(&Self) -> Result<(), GpuError>,
    ) -> Result<Recording, GpuError> {
        use sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL as OWN;
        self.device.enter()?;
        let (driver, mut graph, mut ready) = (self.driver(), null_mut(), null_mut());
        // SAFETY: the stream is ours.
        unsafe { driver.cuStreamBeginCapture_v2(self.stream, OWN) }?;
        let asked = ask(self);
        // SAFETY: it is being captured.
        let ended = unsafe { driver.cuStreamEndCapture(self.stream, &raw mut graph) };
        let made = asked.and(ended).and_then(|()| {
            // SAFETY: the graph was made above.
            unsafe { driver.cuGraphInstantiateWithFlags(&raw mut ready, graph, 0) }
        });
        if !graph.is_null() {
            // SAFETY: the graph was made above; what was made of it does not need it.
            let _ = unsafe { driver.cuGraphDestroy(graph) };
        }
        made.map(|()| Recording { device: Arc::clone(&self.device), ready })
    }

    /// Asks for what was recorded.
    ///
    /// # Errors
    /// Where the card refuses it.
    pub(in super::super) fn play(&self, recording: &Recording) -> Result<(), GpuError> {
        self.device.enter()?;
        let (driver, [begin, end]) = (self.driver(), self.events);
        // SAFETY: events, stream and recording are ours, of one context.
        unsafe {
            driver.cuEventRecord(begin, self.stream)?;
            driver.cuGraphLaunch(recording.ready, self.stream)?;
            driver.cuEventRecord(end, self.stream)
        }
    }

    /// Waits until all that was asked for is done.
    ///
    /// # Errors
    /// Where any of it failed; the card can do nothing for this process then.
    pub(in super::super) fn wait(&self) -> Result<(), GpuError> {
        self.device.enter()?;
        // SAFETY: the stream is ours.
        unsafe { self.driver().cuStreamSynchronize(self.stream) }
    }

    /// Seconds that the last recording took the card, once it is done.
    ///
    /// # Errors
    /// Where it is not.
    pub(in super::super) fn seconds(&self) -> Result<f64, GpuError> {
        let ([begin, end], mut milliseconds) = (self.events, 0.0_f32);
        // SAFETY: both were recorded on our stream.
        unsafe { self.driver().cuEventElapsedTime(&raw mut milliseconds, begin, end) }?;
        Ok(f64::from(milliseconds) / 1000.0)
    }

    fn driver(&self) -> &'static Driver {
        self.device.driver()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let _ = self.wait();
        let driver = self.driver();
        for event in self.events.into_iter().filter(|event| !event.is_null()) {
            // SAFETY: it is ours, and nothing waits for it.
            let _ = unsafe { driver.cuEventDestroy_v2(event) };
        }
        // SAFETY: it is ours, and empty.
        let _ = unsafe { driver.cuStreamDestroy_v2(self.stream) };
    }
}

/// What a card is asked to do for a frame.
#[derive(Debug)]
pub(in super::super) struct Recording {
    device: Arc<Device>,
    ready: sys::CUgraphExec,
}

// SAFETY: it is used by one thread at a time.
unsafe impl Send for Recording {}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.device.enter();
        // SAFETY: it was made by `record`, and is not at work: queues wait before they are dropped.
        let _ = unsafe { self.device.driver().cuGraphExecDestroy(self.ready) };
    }
}

fn check(from: usize, to: usize) -> Result<(), GpuError> {
    if from == to {
        Ok(())
    } else {
        Err(GpuError::Unfit(format!("a copy of {from} samples to {to}")))
    }
}
