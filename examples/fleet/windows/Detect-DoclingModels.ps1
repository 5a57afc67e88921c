# Detection for Intune, discovery for Configuration Manager: prints the state, ends with 1 where a remediation is to run.
# Windows PowerShell 5.1; changes nothing.

$Runbook = Join-Path $env:LOCALAPPDATA 'docling-runbook\venv\Scripts\runbook.exe'
$LockFile = Join-Path $env:LOCALAPPDATA 'docling-runbook\runbook.lock.json'

$ErrorActionPreference = 'Continue'  # what a program writes to stderr is no error, and with Stop it would be one
if (-not (Test-Path -LiteralPath $Runbook -PathType Leaf)) {
    Write-Output "unanswered: there is no $Runbook"
    exit 2
}
$env:PYTHONUTF8 = '1'
$told = & $Runbook state --json $LockFile 2>$null
$code = $LASTEXITCODE
if ($code -notin 0, 10, 11, 12) {
    Write-Output "unanswered: runbook state ended with $code"
    exit $code
}
$state = ($told -join "`n") | ConvertFrom-Json
Write-Output $state.state
if ($code -eq 0) {
    exit 0
}
exit 1
