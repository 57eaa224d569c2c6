"""Messages that the edge refused, and what a person does about them."""
