"""What every value of the package is: immutable, checked, and written as JSON."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from runbook_lib.core.masking import mask_known, mask_url_credentials

Masked = Annotated[str, AfterValidator(mask_known)]
"""Text from outside in a value that is stored or shown: free of secrets from the moment it is made."""

MaskedAddress = Annotated[str, AfterValidator(mask_url_credentials)]
"""The same for an address, where everything before the host goes."""


class Value(BaseModel):
    """An immutable model; its validators are built at the first use, so that a start need not wait for them."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class StrictValue(Value):
    """A value that refuses fields it does not know: what is read back from files, and what people write."""

    model_config = ConfigDict(extra="forbid")
