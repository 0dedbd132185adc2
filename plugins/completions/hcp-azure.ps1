# Completion of kubectl-hcp_azure for PowerShell 5 and newer. Load it with
#   kubectl-hcp_azure completion powershell | Out-String | Invoke-Expression
# `kubectl hcp-azure` and `oc hcp-azure` complete through kubectl's and oc's own completion instead, and through the two
# shims that `kubectl hcp-azure completion install` writes.

$hcpAzureCompleter = {
    param($wordToComplete, $commandAst, $cursorPosition)

    # The words before the cursor; the last one is to be completed.
    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { $_.Extent.Text.Trim('"', "'") })
    $program = $words[0]
    $before = @($words | Select-Object -Skip 1)
    if ($wordToComplete -and $before.Count -gt 0) {
        $before = @($before | Select-Object -SkipLast 1)
    }
    # Windows PowerShell drops an empty argument unless it is quoted twice.
    $word = $wordToComplete
    if (-not $word -and $PSVersionTable.PSVersion.Major -lt 7) { $word = '""' }
    $lines = @(& $program __complete @before $word 2>$null | Where-Object { $_ })

    # Of --flag=value, candidates are values, and PowerShell wants them with the flag.
    $flag = ''
    if ($wordToComplete -match '^(-[^=]*=)') { $flag = $Matches[1] }
    foreach ($line in $lines) {
        # The last line says what to do without candidates; returning none completes files.
        if ($line -match '^:\d+$') {
            if ($lines.Count -eq 1 -and ([int]$line.Substring(1) -band 4)) { '' }
            continue
        }
        $value, $note = $line -split "`t", 2
        if (-not $note) { $note = $value }
        [System.Management.Automation.CompletionResult]::new("$flag$value", $value, 'ParameterValue', $note)
    }
}

foreach ($verb in '', 'create', 'destroy', 'apply', 'nodepool', 'upgrade', 'doctor', 'status', 'explain', 'bundle',
    'completion', 'version') {
    $names = if ($verb) { "kubectl-hcp_azure-$verb" } else { 'kubectl-hcp_azure', 'oc-hcp_azure' }
    foreach ($name in $names) {
        Register-ArgumentCompleter -Native -CommandName $name -ScriptBlock $hcpAzureCompleter
        Register-ArgumentCompleter -Native -CommandName "$name.exe" -ScriptBlock $hcpAzureCompleter
    }
}
