//! What a card is asked to do, one thing after the other, and whole frames of that, asked for at once.

#![expect(unsafe_code, reason = "programs are launched on a card")]

use std::ffi::c_void;
use std::sync::Arc;

use super::cuda::{event, graph, launch_kernel, memcpy_dtoh_async, memcpy_htod_async, stream, sys};
use super::device::Device;
use super::error::{GpuError, Named};
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
        let (least, _) = stream::get_priority_range().of("cuCtxGetStreamPriorityRange")?;
        let stream = stream::create_with_priority(stream::StreamKind::NonBlocking, least);
        let stream = stream.of("cuStreamCreateWithPriority")?;
        let event = || event::create(sys::CUevent_flags::CU_EVENT_DEFAULT).of("cuEventCreate");
        let events = event().and_then(|first| Ok([first, event()?]));
        let events = events.inspect_err(|_| {
            // SAFETY: the stream was made above and is not used again.
            let _ = unsafe { stream::destroy(stream) };
        })?;
        Ok(Self { device: Arc::clone(device), stream, events })
    }

    /// Asks for a program.
    ///
    /// # Errors
    /// Where the card refuses it.
    pub(in super::super) fn launch(&self, launch: &Launch<'_>) -> Result<(), GpuError> {
        let Launch { programs, kernel, grid, threads, shared, arguments } = launch;
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let mut places: Vec<*mut c_void> = arguments.iter().map(|one| one.place()).collect();
        let grid = (number(grid[0]), number(grid[1]), 1);
        let threads = (number(*threads), 1, 1);
        let function = programs.function(*kernel);
        // SAFETY: the arguments are laid out as the program has them, and are copied before this returns; the
        // program keeps within what they name.
        let asked = unsafe {
            launch_kernel(function, grid, threads, number(*shared), self.stream, &mut places)
        };
        asked.of("cuLaunchKernel")
    }

    /// Asks for a copy to the card.
    ///
    /// # Errors
    /// Where the card refuses it.
    pub(in super::super) fn upload(&self, from: &Pinned, to: &Buffer<f32>) -> Result<(), GpuError> {
        check(from.samples().len(), to.len())?;
        // SAFETY: both have as many samples, and live as long as what is recorded.
        unsafe { memcpy_htod_async(to.address().0, from.samples(), self.stream) }.of("cuMemcpyHtoD")
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
        check(from.len(), to.samples().len())?;
        // SAFETY: both have as many samples, and live as long as what is recorded.
        let asked = unsafe { memcpy_dtoh_async(to.samples_mut(), from.address().0, self.stream) };
        asked.of("cuMemcpyDtoH")
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
        // SAFETY: the stream is ours.
        unsafe { stream::begin_capture(self.stream, OWN) }.of("cuStreamBeginCapture")?;
        let asked = ask(self);
        // SAFETY: it is being captured.
        let recorded = unsafe { stream::end_capture(self.stream) }.of("cuStreamEndCapture");
        let graph = match (asked, recorded) {
            (Ok(()), recorded) => recorded?,
            (Err(error), recorded) => {
                // SAFETY: the graph was made above, and nothing was made of it.
                let _ = recorded.map(|graph| unsafe { graph::destroy(graph) });
                return Err(error);
            }
        };
        // SAFETY: the graph was made above.
        let ready = unsafe { graph::instantiate(graph, sys::CUgraphInstantiate_flags_enum(0)) };
        // SAFETY: what was made of it does not need it.
        let _ = unsafe { graph::destroy(graph) };
        Ok(Recording { device: Arc::clone(&self.device), ready: ready.of("cuGraphInstantiate")? })
    }

    /// Asks for what was recorded.
    ///
    /// # Errors
    /// Where the card refuses it.
    pub(in super::super) fn play(&self, recording: &Recording) -> Result<(), GpuError> {
        self.device.enter()?;
        let [begin, end] = self.events;
        // SAFETY: events, stream and recording are ours, of one context.
        unsafe { event::record(begin, self.stream) }.of("cuEventRecord")?;
        // SAFETY: as above.
        unsafe { graph::launch(recording.ready, self.stream) }.of("cuGraphLaunch")?;
        // SAFETY: as above.
        unsafe { event::record(end, self.stream) }.of("cuEventRecord")
    }

    /// Waits until all that was asked for is done.
    ///
    /// # Errors
    /// Where any of it failed; the card can do nothing for this process then.
    pub(in super::super) fn wait(&self) -> Result<(), GpuError> {
        self.device.enter()?;
        // SAFETY: the stream is ours.
        unsafe { stream::synchronize(self.stream) }.of("cuStreamSynchronize")
    }

    /// Seconds that the last recording took the card, once it is done.
    ///
    /// # Errors
    /// Where it is not.
    pub(in super::super) fn seconds(&self) -> Result<f64, GpuError> {
        let [begin, end] = self.events;
        // SAFETY: both were recorded on our stream.
        let milliseconds = unsafe { event::elapsed(begin, end) }.of("cuEventElapsedTime")?;
        Ok(f64::from(milliseconds) / 1000.0)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let _ = self.wait();
        for event in self.events {
            // SAFETY: it is ours, and nothing waits for it.
            let _ = unsafe { event::destroy(event) };
        }
        // SAFETY: it is ours, and empty.
        let _ = unsafe { stream::destroy(self.stream) };
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
        let _ = unsafe { graph::exec_destroy(self.ready) };
    }
}

fn check(from: usize, to: usize) -> Result<(), GpuError> {
    if from == to {
        Ok(())
    } else {
        Err(GpuError::Unfit(format!("a copy of {from} samples to {to}")))
    }
}
