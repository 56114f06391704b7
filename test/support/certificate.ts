/** A key and its own certificate for `localhost`, for servers in tests: nobody trusts it. */
import { spawnSync } from "node:child_process";

/** Whether openssl is here, as a client. CI installs it. */
export const hasOpenssl: boolean =
  spawnSync("openssl", ["version"], { stdio: "ignore" }).status === 0;

const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsyIUM8oz6ryBV/AE
1bXYGAKAnPX0OjWzEe09KtVdsCGhRANCAARlHwOFdE2hCG5ozUxvc658rCgNliVw
HptQBJ2UP1PzpWW1IKlMYjxmLTN3xaJkx5xWCJKYo+j1ar5i00WlXe2X
-----END PRIVATE KEY-----`;

const cert = `-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIUAIgeazf2yJcXylcsjl0JsLnHNFQwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MB4XDTI2MTEyODAxNDc0OVoXDTM2MTEyNTAx
NDc0OVowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEZR8DhXRNoQhuaM1Mb3OufKwoDZYlcB6bUASdlD9T86VltSCpTGI8Zi0z
d8WiZMecVgiSmKPo9Wq+YtNFpV3tl6NTMFEwHQYDVR0OBBYEFPTyndXixIo5nHXC
Hv8cKDMH/ymrMB8GA1UdIwQYMBaAFPTyndXixIo5nHXCHv8cKDMH/ymrMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgdc9FzSRlLbTQMuXQLI1KxOEM
NbETNWGnG6Gxuko78bcCIQD0QO7wdJFrvfFoFuAZ5VVbi+8jFqEkz26fLg051cVr
tQ==
-----END CERTIFICATE-----`;

/** What servers take: their key and certificate as PEM. */
export const certificate: { readonly key: string; readonly cert: string } = { key, cert };
