/** A key pair made for tests; it opens nothing. */
export const exampleHostKey = {
  privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACCPviQzIxxAwy9iGp2cogelRxOGr6ou+zRistH/+56jiAAAAJBL4ivPS+Ir
zwAAAAtzc2gtZWQyNTUxOQAAACCPviQzIxxAwy9iGp2cogelRxOGr6ou+zRistH/+56jiA
AAAEAeqgLhH/R74t0luPQ1NamneoXeq3bFvwqA0LNwiMyolI++JDMjHEDDL2IanZyiB6VH
E4avqi77NGKy0f/7nqOIAAAAB2V4YW1wbGUBAgMEBQY=
-----END OPENSSH PRIVATE KEY-----
`,
  publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII++JDMjHEDDL2IanZyiB6VHE4avqi77NGKy0f/7nqOI example',
};

export const exampleKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII++JDMjHEDDL2IanZyiB6VHE4avqi77NGKy0f/7nqOI example';
