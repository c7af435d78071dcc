//! A network of the model: its answer `f` for every channel.

use std::sync::Arc;

use super::super::executor::Executor;
use super::super::residual::ResidualNet;
use super::super::{RestoreError, Stage};
use super::with_workspace;
use crate::frame::{Channel, Effort, Frame};

/// `f_1 = f(x_w, y)`, and later `f_k = f(x_w, y, g_(k-1))`. Where the network fails, `f` is zero.
pub(crate) struct Residual {
    name: String,
    is_first: bool,
    net: ResidualNet,
    executor: Arc<dyn Executor>,
}

impl Residual {
    pub(crate) fn new(index: usize, net: ResidualNet, executor: Arc<dyn Executor>) -> Self {
        Self { name: format!("residual {}", index + 1), is_first: index == 0, net, executor }
    }
}

impl Stage for Residual {
    fn name(&self) -> &str {
        &self.name
    }

    fn least_effort(&self) -> Effort {
        Effort::Full
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        with_workspace(frame, |work| {
            for Channel { y, x_w, f, g, .. } in &mut work.channels {
                let inputs: &[_] = if self.is_first { &[&*x_w, &*y] } else { &[&*x_w, &*y, &*g] };
                if let Err(error) = self.net.run(inputs, f, &*self.executor) {
                    f.samples_mut().fill(0.0);
                    return Err(error.into());
                }
            }
            Ok(())
        })
    }
}
