#pragma once

#include <string_view>

// Keys of the RFCs in PEM, in the forms in which an operator may hand them over.

namespace gatehouse::test::pem {

// RFC 7520 3.3.
inline constexpr std::string_view kRsa = R"(-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAn4EPtAOCc9AlkeQHPzHS
tgAbgs7bTZLwUBZdR8/KuKPEHLd4rHVTeT+O+XV2jRojdNhxJWTDvNd7nqQ0VEiZ
QHz/AJmSCpMaJMRBSFKrKb2wqVwGU/NsYOYL+QtiWN2lbzcEe6XC0dApr5ydQLrH
qkHHig3RBordaZ6Aj+oBHqFEHYpPe7Tpe+OfVfHd1E6cS6M1FZcD1NNLYD5lFHpP
I9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3+tVTU4fg/3L/vniUFAKw
uCLqKnS2BYwdq/mzSnbLY7h/qixoR7jig3//kRhuaxwUkRz5iaiQkqgc5gHdrNP5
zwIDAQAB
-----END PUBLIC KEY-----
)";

// The same as an RSAPublicKey (RFC 8017 A.1.1).
inline constexpr std::string_view kRsaPkcs1 = R"(-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAn4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8/KuKPEHLd4rHVT
eT+O+XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz/AJmSCpMaJMRBSFKrKb2wqVwGU/Ns
YOYL+QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj+oBHqFEHYpPe7Tp
e+OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrt
IQbS0FVbb9k3+tVTU4fg/3L/vniUFAKwuCLqKnS2BYwdq/mzSnbLY7h/qixoR7ji
g3//kRhuaxwUkRz5iaiQkqgc5gHdrNP5zwIDAQAB
-----END RSA PUBLIC KEY-----
)";

// The same as a key for RSASSA-PSS only (RFC 4055 section 1.2), any hash.
inline constexpr std::string_view kRsaPss = R"(-----BEGIN PUBLIC KEY-----
MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAJ+BD7QDgnPQJZHkBz8x0rYA
G4LO202S8FAWXUfPyrijxBy3eKx1U3k/jvl1do0aI3TYcSVkw7zXe56kNFRImUB8
/wCZkgqTGiTEQUhSqym9sKlcBlPzbGDmC/kLYljdpW83BHulwtHQKa+cnUC6x6pB
x4oN0QaK3WmegI/qAR6hRB2KT3u06Xvjn1Xx3dROnEujNRWXA9TTS2A+ZRR6TyPW
08CZbHXt7oRqgtGQrhB4PJYc8Dh67SEG0tBVW2/ZN/rVU1OH4P9y/754lBQCsLgi
6ip0tgWMHav5s0p2y2O4f6osaEe44oN//5EYbmscFJEc+YmokJKoHOYB3azT+c8C
AwEAAQ==
-----END PUBLIC KEY-----
)";

// The same, for SHA-256 with a salt of at least 32 octets.
inline constexpr std::string_view kRsaPssSha256 = R"(-----BEGIN PUBLIC KEY-----
MIIBVjBBBgkqhkiG9w0BAQowNKAPMA0GCWCGSAFlAwQCAQUAoRwwGgYJKoZIhvcN
AQEIMA0GCWCGSAFlAwQCAQUAogMCASADggEPADCCAQoCggEBAJ+BD7QDgnPQJZHk
Bz8x0rYAG4LO202S8FAWXUfPyrijxBy3eKx1U3k/jvl1do0aI3TYcSVkw7zXe56k
NFRImUB8/wCZkgqTGiTEQUhSqym9sKlcBlPzbGDmC/kLYljdpW83BHulwtHQKa+c
nUC6x6pBx4oN0QaK3WmegI/qAR6hRB2KT3u06Xvjn1Xx3dROnEujNRWXA9TTS2A+
ZRR6TyPW08CZbHXt7oRqgtGQrhB4PJYc8Dh67SEG0tBVW2/ZN/rVU1OH4P9y/754
lBQCsLgi6ip0tgWMHav5s0p2y2O4f6osaEe44oN//5EYbmscFJEc+YmokJKoHOYB
3azT+c8CAwEAAQ==
-----END PUBLIC KEY-----
)";

// The same, for SHA-256 with a salt of at least 64 octets, which no PS256 signature has.
inline constexpr std::string_view kRsaPssSalt64 = R"(-----BEGIN PUBLIC KEY-----
MIIBVjBBBgkqhkiG9w0BAQowNKAPMA0GCWCGSAFlAwQCAQUAoRwwGgYJKoZIhvcN
AQEIMA0GCWCGSAFlAwQCAQUAogMCAUADggEPADCCAQoCggEBAJ+BD7QDgnPQJZHk
Bz8x0rYAG4LO202S8FAWXUfPyrijxBy3eKx1U3k/jvl1do0aI3TYcSVkw7zXe56k
NFRImUB8/wCZkgqTGiTEQUhSqym9sKlcBlPzbGDmC/kLYljdpW83BHulwtHQKa+c
nUC6x6pBx4oN0QaK3WmegI/qAR6hRB2KT3u06Xvjn1Xx3dROnEujNRWXA9TTS2A+
ZRR6TyPW08CZbHXt7oRqgtGQrhB4PJYc8Dh67SEG0tBVW2/ZN/rVU1OH4P9y/754
lBQCsLgi6ip0tgWMHav5s0p2y2O4f6osaEe44oN//5EYbmscFJEc+YmokJKoHOYB
3azT+c8CAwEAAQ==
-----END PUBLIC KEY-----
)";

// 1024 bits of the same.
inline constexpr std::string_view kRsa1024 = R"(-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCfgQ+0A4Jz0CWR5Ac/MdK2ABuC
zttNkvBQFl1Hz8q4o8Qct3isdVN5P475dXaNGiN02HElZMO813uepDRUSJlAfP8A
mZIKkxokxEFIUqspvbCpXAZT82xg5gv5C2JY3aVvNwR7pcLR0CmvnJ1AuseqQceK
DdEGit1pnoCP6gEeoQIDAQAB
-----END PUBLIC KEY-----
)";

// RFC 6979 A.2.5.
inline constexpr std::string_view kP256 = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END PUBLIC KEY-----
)";

// The same with its point compressed.
inline constexpr std::string_view kP256Compressed = R"(-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Y=
-----END PUBLIC KEY-----
)";

// The same with its point moved off the curve.
inline constexpr std::string_view kP256OffCurve = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimA==
-----END PUBLIC KEY-----
)";

// The private key of the same.
inline constexpr std::string_view kP256Private = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX
Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth
+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ
-----END PRIVATE KEY-----
)";

// The private key of the same behind a passphrase.
inline constexpr std::string_view kP256Encrypted = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBAt3uZsUYa5U8yoVXTm
nbM0AgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQlcadxLE6lJv0N3G+
TsaCGASBkAa3nWX8qNedVVDw8kXWA0PmQ6Q9ev2LSV1ji4njvZvnB6/GvEiS0SpV
p/qhjfLJ1LQQ8IIK6mqQ7SuQ794LOj5nZ8QRHr1qgxPFInsFafSexMyWHDTZqNcE
ulEB+/Di8VxXAU9v7Zd2WhyV4O/PUbJ8o0u/+psnvDKsOO9SjrrvE6hOJPDQ5kVv
XlinX+r/sw==
-----END ENCRYPTED PRIVATE KEY-----
)";

// RFC 6979 A.2.4, a curve that JOSE does not know.
inline constexpr std::string_view kP224 = R"(-----BEGIN PUBLIC KEY-----
ME4wEAYHKoZIzj0CAQYFK4EEACEDOgAEAM8I2lrXGeQnB/pDEpLeoRJE1k/FFhDZ
SxMNbO6rbz3r5FXj2/hUFvcDDL2U808tbyMsafPBOFo=
-----END PUBLIC KEY-----
)";

// RFC 8037 A.2.
inline constexpr std::string_view kEd25519 = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
)";

// RFC 8037 A.6.
inline constexpr std::string_view kX25519 = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VuAyEA3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=
-----END PUBLIC KEY-----
)";

// RFC 7517 B.
inline constexpr std::string_view kCertificate = R"(-----BEGIN CERTIFICATE-----
MIIDQjCCAiqgAwIBAgIGATz/FuLiMA0GCSqGSIb3DQEBBQUAMGIxCzAJBgNVBAYT
AlVTMQswCQYDVQQIEwJDTzEPMA0GA1UEBxMGRGVudmVyMRwwGgYDVQQKExNQaW5n
IElkZW50aXR5IENvcnAuMRcwFQYDVQQDEw5CcmlhbiBDYW1wYmVsbDAeFw0xMzAy
MjEyMzI5MTVaFw0xODA4MTQyMjI5MTVaMGIxCzAJBgNVBAYTAlVTMQswCQYDVQQI
EwJDTzEPMA0GA1UEBxMGRGVudmVyMRwwGgYDVQQKExNQaW5nIElkZW50aXR5IENv
cnAuMRcwFQYDVQQDEw5CcmlhbiBDYW1wYmVsbDCCASIwDQYJKoZIhvcNAQEBBQAD
ggEPADCCAQoCggEBAL64zn8/QnHYMeZ0LncoXaEde1fiLm1jHjmQsF/449IYALM9
if6amFtPDy2yvz3YlRij66s5gyLCyO7ANuVRJx1NbgizcAblIgjtdf/u3WG7K+Ii
ZhtELto/A7Fck9Ws6SQvzRvOE8uSirYbgmj6He4iO8NCyvaK0jIQRMMGQwsU1quG
mFgHIXPLfnpnfajr1rVTAwtgV5LEZ4Iel+W1GC8ugMhyr4/p1MtcIM42EA8BzE6Z
QqC7VPqPvEjZ2dbZkaBhPbiZAS3YeYBRDWm1p1OZtWamT3cEvqqPpnjL1XyW+oyV
VkaZdklLQp2Btgt9qr21m42f4wTw+Xrp6rCKNb0CAwEAATANBgkqhkiG9w0BAQUF
AAOCAQEAh8zGlfSlcI0o3rYDPBB07aXNswb4ECNIKG0CETTUxmXl9KUL+9gGlqCz
5iWLOgWsnrcKcY0vXPG9J1r9AqBNTqNgHq2G03X09266X5CpOe1zFo+Owb1zxtp3
PehFdfQJ610CDLEaS9V9Rqp17hCyybEpOGVwe8fnk+fbEL2Bo3UPGrpsHzUoaGpD
ftmWssZkhpBJKVMJyf/RuP2SmmaIzmnw9JiSlYhzo4tpzd5rFXhjRbg4zW9C+2qo
k+2+qDM1iJ684gPHMIY8aLWrdgQTxkumGmTqgawR+N5MDtdPTEQ0XfIBc2cJEUyM
TY5MPvACWpkA6SdS4xSvdXK3IVfOWA==
-----END CERTIFICATE-----
)";

}  // namespace gatehouse::test::pem
