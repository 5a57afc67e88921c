"""What every value of the package is: immutable, checked, and written as JSON."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable model; its validators are built at the first use, so that a start need not wait for them."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class StrictValue(Value):
    """A value that refuses fields it does not know: what is read back from files, and what people write."""

    model_config = ConfigDict(extra="forbid")
