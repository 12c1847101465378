"""Steam as the lab plays it: microtransactions of the sandbox, the overlay, and reports."""
