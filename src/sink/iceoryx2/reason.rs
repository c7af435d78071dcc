//! What iceoryx2's errors mean to somebody who runs the daemon.

use iceoryx2::port::publisher::PublisherCreateError;
use iceoryx2::prelude::Path;
use iceoryx2::service::builder::publish_subscribe::PublishSubscribeCreateError as CreateError;
use iceoryx2::service::builder::publish_subscribe::PublishSubscribeOpenError::{
    DoesNotSupportRequestedAmountOfNodes, DoesNotSupportRequestedAmountOfPublishers,
    DoesNotSupportRequestedAmountOfSubscribers, DoesNotSupportRequestedMinBufferSize,
    DoesNotSupportRequestedMinHistorySize, DoesNotSupportRequestedMinSubscriberBorrowedSamples,
    HangsInCreation, IncompatibleMessagingPattern, IncompatibleOverflowBehavior, IncompatibleTypes,
    InsufficientPermissions, ServiceInCorruptedState, VersionMismatch,
};
use iceoryx2::service::builder::publish_subscribe::PublishSubscribeOpenOrCreateError as ServiceError;

/// Only one process may publish under a name.
pub(super) const TAKEN: &str = "another process publishes under this name";

/// Why the service cannot be had; `root` is where iceoryx2 notes services.
pub(super) fn of_service(error: ServiceError, root: &Path) -> String {
    let reason = match error {
        ServiceError::PublishSubscribeOpenError(
            IncompatibleTypes | IncompatibleMessagingPattern | IncompatibleOverflowBehavior,
        ) => "the name belongs to a service of another kind",
        ServiceError::PublishSubscribeOpenError(
            DoesNotSupportRequestedAmountOfNodes
            | DoesNotSupportRequestedAmountOfPublishers
            | DoesNotSupportRequestedAmountOfSubscribers
            | DoesNotSupportRequestedMinBufferSize
            | DoesNotSupportRequestedMinHistorySize
            | DoesNotSupportRequestedMinSubscriberBorrowedSamples,
        ) => "a running process holds the service, for fewer subscribers or smaller queues",
        ServiceError::PublishSubscribeOpenError(VersionMismatch) => {
            "a running process holds the service with another version of iceoryx2"
        }
        ServiceError::PublishSubscribeOpenError(InsufficientPermissions)
        | ServiceError::PublishSubscribeCreateError(CreateError::InsufficientPermissions) => {
            return format!("{root} belongs to another user");
        }
        ServiceError::PublishSubscribeOpenError(ServiceInCorruptedState | HangsInCreation) => {
            return format!("what is left in {root} is damaged (remove it)");
        }
        other => return format!("{other:?}"),
    };
    reason.to_owned()
}

/// Why nothing can be published.
pub(super) fn of_publisher(error: PublisherCreateError) -> String {
    match error {
        PublisherCreateError::ExceedsMaxSupportedPublishers => TAKEN.to_owned(),
        other => format!("{other:?}"),
    }
}
