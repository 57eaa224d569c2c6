"""Where units leave from: the plan."""
