# Remediation for Intune and Configuration Manager: brings the models to the lock file. May be run again at any time.
# Windows PowerShell 5.1, no admin rights.

$Runbook = Join-Path $env:LOCALAPPDATA 'docling-runbook\venv\Scripts\runbook.exe'
$LockFile = Join-Path $env:LOCALAPPDATA 'docling-runbook\runbook.lock.json'
# In turn: a bundle on a share, oci://HOST/NAME:TAG, a mirror's https:// address, the folder of a peer's cache, hub.
$Origins = @('hub')

$ErrorActionPreference = 'Continue'  # what a program writes to stderr is no error, and with Stop it would be one
if (-not (Test-Path -LiteralPath $Runbook -PathType Leaf)) {
    Write-Output "There is no $Runbook"
    exit 2
}
$env:PYTHONUTF8 = '1'
$words = @('converge', '--json')
foreach ($origin in $Origins) {
    $words += '--from', $origin
}
$told = & $Runbook @words $LockFile 2>$null
$code = $LASTEXITCODE
try {
    $done = ($told -join "`n") | ConvertFrom-Json
}
catch {
    $done = $null
}
if ($null -eq $done) {
    Write-Output "runbook converge ended with $code"
}
elseif ($done.error) {
    Write-Output $done.error.what
}
else {
    Write-Output $done.after.state
}
exit $code
