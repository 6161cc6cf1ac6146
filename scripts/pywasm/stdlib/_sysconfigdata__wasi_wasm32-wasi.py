"""What configure has found out would name folders of the machine that built this, and nobody asks for it here."""

build_time_vars = {}
