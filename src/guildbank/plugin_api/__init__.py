"""What a plugin may import: manifests, the slots' protocols, and the structs they exchange."""

from guildbank.plugin_api.manifest import API_VERSION, Manifest, Plugin, Slot
from guildbank.plugin_api.notification import (
    Delivery,
    DeliveryStatus,
    Medium,
    Notification,
    NotificationChannel,
)
from guildbank.plugin_api.provider import (
    Context,
    EventKind,
    NextAction,
    Outcome,
    OutcomeStatus,
    PaymentProvider,
    PaymentRequest,
    ProviderEvent,
    RefundRequest,
    WebhookRejected,
)
from guildbank.plugin_api.stages import (
    Annotated,
    Callback,
    CallbackEvent,
    Entry,
    Middleware,
    PurchaseView,
    Veto,
)

__all__ = [
    "API_VERSION",
    "Annotated",
    "Callback",
    "CallbackEvent",
    "Context",
    "Delivery",
    "DeliveryStatus",
    "Entry",
    "EventKind",
    "Manifest",
    "Medium",
    "Middleware",
    "NextAction",
    "Notification",
    "NotificationChannel",
    "Outcome",
    "OutcomeStatus",
    "PaymentProvider",
    "PaymentRequest",
    "Plugin",
    "ProviderEvent",
    "PurchaseView",
    "RefundRequest",
    "Slot",
    "Veto",
    "WebhookRejected",
]
