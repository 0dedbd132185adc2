@rem hcp-azure completion shim: `kubectl hcp-azure completion install` writes it, and `completion uninstall` removes it.
@kubectl-hcp_azure.exe __complete_plugin %* 2>nul
