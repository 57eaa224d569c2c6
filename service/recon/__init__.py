"""Reconciliation: the storefront's, the gateway's and the ERP's books compared with ours."""
