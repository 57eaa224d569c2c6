"""ERP documents: the sales order."""
