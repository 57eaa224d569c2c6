"""How these tests draw at random."""

from __future__ import annotations

from tests.chance import be_patient

be_patient()
