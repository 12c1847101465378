"""How much of a purchase was used, told to Apple when it asks, if the player agreed to that."""

from appstoreserverlibrary.api_client import APIException
from appstoreserverlibrary.models.ConsumptionRequest import ConsumptionRequest
from appstoreserverlibrary.models.DeliveryStatus import DeliveryStatus

from guildbank.plugin_api import Usage
from guildbank_appstore.api import Apple, failed
from guildbank_appstore.payments import CONSENTING
from guildbank_appstore.prices import WHOLE


async def tell(apple: Apple, usage: Usage) -> bool:
    """Answer a CONSUMPTION_REQUEST; False, and nothing is sent, where the player did not agree.

    Raises AppleFailed, NoAnswer.
    """
    if usage.request.method != CONSENTING:
        return False
    share = usage.spent * WHOLE // usage.coins if usage.coins else 0
    said = ConsumptionRequest(
        customerConsented=True,
        consumptionPercentage=share,
        deliveryStatus=DeliveryStatus.DELIVERED,
        sampleContentProvided=False,
    )
    try:
        await apple.client().send_consumption_information(usage.reference, said)
    except APIException as error:
        raise failed(error) from None
    return True
