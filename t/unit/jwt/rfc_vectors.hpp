#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

// The examples that the JOSE standards print, as data: RFC 7515 (JWS), 7517 (JWK), 7519 (JWT), 7520
// (the JOSE cookbook), 7797 (unencoded payloads) and 8037 (Edwards curves).

namespace gatehouse::test::rfc {

/// A compact JWS that verifies with a key of the set.
struct Token {
    const char* source;
    std::string_view key_set;
    std::string_view algorithm;
    std::string_view header;  // this and the next two as in the token: base64url
    std::string_view payload;
    std::string_view signature;
    bool is_claims_set;  // whether the payload is JSON, hence the token a JWT

    std::string text() const {
        return std::string(header).append(".").append(payload).append(".").append(signature);
    }
};

enum class Refusal {
    kForm,       // not three parts with something in each
    kEncrypted,  // a JWE
    kAlgorithm,  // alg "none"
    kCritical,   // a header that would have to be understood
};

/// A token that must be refused before any key is looked at, although the set holds its key.
struct RefusedToken {
    const char* source;
    std::string_view key_set;
    Refusal refusal;
    std::string_view token;
};

/// A key of a set that can verify signatures.
struct UsableKey {
    std::string_view type;  // kty, or crv where there is one
    std::string_view kid;
};

/// A key set and what is of use in it.
struct KeySetExample {
    const char* source;
    std::string_view key_set;
    std::vector<UsableKey> usable;
};

// RFC 7515 A.1.
inline constexpr std::string_view k7515Hmac =
    R"({"keys":[{"kty":"oct","k":")"
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    R"("}]})";

// RFC 7515 A.2.
inline constexpr std::string_view k7515Rsa =
    R"({"keys":[{"kty":"RSA","e":"AQAB","n":")"
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm"
    "4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5"
    "rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGh"
    "yxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
    R"("}]})";

// RFC 7515 A.3.
inline constexpr std::string_view k7515P256 =
    R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";

// RFC 7515 A.4.
inline constexpr std::string_view k7515P521 =
    R"({"keys":[{"kty":"EC","crv":"P-521","x":")"
    "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk"
    R"(","y":")"
    "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"
    R"("}]})";

// RFC 7520 3.2, which is 3.1 with the private member.
inline constexpr std::string_view k7520P521 =
    R"({"keys":[{"kty":"EC","kid":"bilbo.baggins@hobbiton.example","use":"sig","crv":"P-521",)"
    R"("x":")"
    "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt"
    R"(","y":")"
    "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"
    R"(","d":")"
    "AAhRON2r9cqXX1hg-RoI6R1tX5p2rUAYdmpHZoC1XNM56KtscrX6zbKipQrCW9CGZH3T4ubpnoTKLDYJ_fF3_rJt"
    R"("}]})";

// RFC 7520 3.4, which is 3.3 with the private members.
inline constexpr std::string_view k7520Rsa =
    R"({"keys":[{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":")"
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJm"
    "SCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-"
    "OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUF"
    "AKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"
    R"(","e":"AQAB","d":")"
    "bWUC9B-EFRIo8kpGfh0ZuyGPvMNKvYWNtB_ikiH9k20eT-O1q_I78eiZkpXxXQ0UTEs2LsNRS-8uJbvQ-A1irkwMSMk"
    "K1J3XTGgdrhCku9gRldY7sNA_AKZGh-Q661_42rINLRCe8W-nZ34ui_qOfkLnK9QWDDqpaIsA-bMwWWSDFu2MUBYwkH"
    "TMEzLYGqOe04noqeq1hExBTHBOBdkMXiuFhUq1BU6l-DqEiWxqg82sXt2h-LMnT3046AOYJoRioz75tSUQfGCshWTBn"
    "P5uDjd18kKhyv07lhfSJdrPdM5Plyl21hsFf4L_mHCuoFau7gdsPfHPxxjVOcOpBrQzwQ"
    R"(","p":")"
    "3Slxg_DwTXJcb6095RoXygQCAZ5RnAvZlno1yhHtnUex_fp7AZ_9nRaO7HX_-SFfGQeutao2TDjDAWU4Vupk8rw9JR0"
    "AzZ0N2fvuIAmr_WCsmGpeNqQnev1T7IyEsnh8UMt-n5CafhkikzhEsrmndH6LxOrvRJlsPp6Zv8bUq0k"
    R"(","q":")"
    "uKE2dh-cTf6ERF4k4e_jy78GfPYUIaUyoSSJuBzp3Cubk3OCqs6grT8bR_cu0Dm1MZwWmtdqDyI95HrUeq3MP15vMMO"
    "N8lHTeZu2lmKvwqW7anV5UzhM1iZ7z4yMkuUwFWoBvyY898EXvRD-hdqRxHlSqAZ192zB3pVFJ0s7pFc"
    R"(","dp":")"
    "B8PVvXkvJrj2L-GYQ7v3y9r6Kw5g9SahXBwsWUzp19TVlgI-YV85q1NIb1rxQtD-IsXXR3-TanevuRPRt5OBOdiMGQp"
    "8pbt26gljYfKU_E9xn-RULHz0-ed9E9gXLKD4VGngpz-PfQ_q29pk5xWHoJp009Qf1HvChixRX59ehik"
    R"(","dq":")"
    "CLDmDGduhylc9o7r84rEUVn7pzQ6PF83Y-iBZx5NT-TpnOZKF1pErAMVeKzFEl41DlHHqqBLSM0W1sOFbwTxYWZDm6s"
    "I6og5iTbwQGIC3gnJKbi_7k_vJgGHwHxgPaX2PnvP-zyEkDERuf-ry4c_Z11Cq9AqC2yeL6kdKT1cYF8"
    R"(","qi":")"
    "3PiqvXQN0zwMeE-sBvZgi289XP9XCQF3VWqPzMKnIgQp7_Tugo6-NZBKCQsMf3HaEGBjTVJs_jcK8-TRXvaKe-7ZMaQ"
    "j8VfBdYkssbu0NKDDhjJ-GtiseaDVWt7dcH0cfwxgFUHpQh7FoCrjFJ6h6ZEpMF6xmujs4qMpPz8aaI4"
    R"("}]})";

// RFC 7520 3.5 and 3.6.
inline constexpr std::string_view k7520Oct =
    R"({"keys":[{"kty":"oct","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig",)"
    R"("alg":"HS256","k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"},{"kty":"oct",)"
    R"("kid":"1e571774-2e08-40da-8308-e8d68773842d","use":"enc","alg":"A256GCM",)"
    R"("k":"AAPapAv4LbFbiVawEjagUBluYqN5rhna-8nuldDvOx8"}]})";

// RFC 8037 A.1, which is A.2 with the private member.
inline constexpr std::string_view k8037Ed25519 =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519",)"
    R"("d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",)"
    R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

// RFC 7517 A.1.
inline constexpr std::string_view k7517Public =
    R"({"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",)"
    R"("y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},{"kty":"RSA",)"
    R"("n":")"
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJEC"
    "PebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Qvz"
    "qY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZ"
    "u0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    R"(","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]})";

// RFC 7517 A.3.
inline constexpr std::string_view k7517Symmetric =
    R"({"keys":[{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"},{"kty":"oct","k":")"
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    R"(","kid":"HMAC key used in JWS A.1 example"}]})";

// RFC 7517 B.
inline constexpr std::string_view k7517Certificate =
    R"({"keys":[{"kty":"RSA","use":"sig","kid":"1b94c","n":")"
    "vrjOfz9Ccdgx5nQudyhdoR17V-IubWMeOZCwX_jj0hgAsz2J_pqYW08PLbK_PdiVGKPrqzmDIsLI7sA25VEnHU1uCLN"
    "wBuUiCO11_-7dYbsr4iJmG0Qu2j8DsVyT1azpJC_NG84Ty5KKthuCaPod7iI7w0LK9orSMhBEwwZDCxTWq4aYWAchc8"
    "t-emd9qOvWtVMDC2BXksRngh6X5bUYLy6AyHKvj-nUy1wgzjYQDwHMTplCoLtU-o-8SNnZ1tmRoGE9uJkBLdh5gFENa"
    "bWnU5m1ZqZPdwS-qo-meMvVfJb6jJVWRpl2SUtCnYG2C32qvbWbjZ_jBPD5eunqsIo1vQ"
    R"(","e":"AQAB","x5c":[")"
    "MIIDQjCCAiqgAwIBAgIGATz/FuLiMA0GCSqGSIb3DQEBBQUAMGIxCzAJBgNVBAYTAlVTMQswCQYDVQQIEwJDTzEPMA0"
    "GA1UEBxMGRGVudmVyMRwwGgYDVQQKExNQaW5nIElkZW50aXR5IENvcnAuMRcwFQYDVQQDEw5CcmlhbiBDYW1wYmVsbD"
    "AeFw0xMzAyMjEyMzI5MTVaFw0xODA4MTQyMjI5MTVaMGIxCzAJBgNVBAYTAlVTMQswCQYDVQQIEwJDTzEPMA0GA1UEB"
    "xMGRGVudmVyMRwwGgYDVQQKExNQaW5nIElkZW50aXR5IENvcnAuMRcwFQYDVQQDEw5CcmlhbiBDYW1wYmVsbDCCASIw"
    "DQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAL64zn8/QnHYMeZ0LncoXaEde1fiLm1jHjmQsF/449IYALM9if6amFt"
    "PDy2yvz3YlRij66s5gyLCyO7ANuVRJx1NbgizcAblIgjtdf/u3WG7K+IiZhtELto/A7Fck9Ws6SQvzRvOE8uSirYbgm"
    "j6He4iO8NCyvaK0jIQRMMGQwsU1quGmFgHIXPLfnpnfajr1rVTAwtgV5LEZ4Iel+W1GC8ugMhyr4/p1MtcIM42EA8Bz"
    "E6ZQqC7VPqPvEjZ2dbZkaBhPbiZAS3YeYBRDWm1p1OZtWamT3cEvqqPpnjL1XyW+oyVVkaZdklLQp2Btgt9qr21m42f"
    "4wTw+Xrp6rCKNb0CAwEAATANBgkqhkiG9w0BAQUFAAOCAQEAh8zGlfSlcI0o3rYDPBB07aXNswb4ECNIKG0CETTUxmX"
    "l9KUL+9gGlqCz5iWLOgWsnrcKcY0vXPG9J1r9AqBNTqNgHq2G03X09266X5CpOe1zFo+Owb1zxtp3PehFdfQJ610CDL"
    "EaS9V9Rqp17hCyybEpOGVwe8fnk+fbEL2Bo3UPGrpsHzUoaGpDftmWssZkhpBJKVMJyf/RuP2SmmaIzmnw9JiSlYhzo"
    "4tpzd5rFXhjRbg4zW9C+2qok+2+qDM1iJ684gPHMIY8aLWrdgQTxkumGmTqgawR+N5MDtdPTEQ0XfIBc2cJEUyMTY5M"
    "PvACWpkA6SdS4xSvdXK3IVfOWA=="
    R"("]}]})";

// RFC 8037 A.6.
inline constexpr std::string_view k8037X25519 =
    R"({"keys":[{"kty":"OKP","crv":"X25519","kid":"Bob",)"
    R"("x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}]})";

// {"iss":"joe", ...} of RFC 7515 and RFC 7519, expired long ago.
inline constexpr std::string_view kJoe =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV"
    "lfQ";

// The plain text that RFC 7520 signs throughout chapter 4.
inline constexpr std::string_view kFrodo =
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb25"
    "0byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2"
    "hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";

inline constexpr std::array<Token, 10> kTokens{{
    {.source = "RFC 7515 A.1, RFC 7519 3.1",
     .key_set = k7515Hmac,
     .algorithm = "HS256",
     .header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
     .payload = kJoe,
     .signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
     .is_claims_set = true},
    {.source = "RFC 7515 A.2",
     .key_set = k7515Rsa,
     .algorithm = "RS256",
     .header = "eyJhbGciOiJSUzI1NiJ9",
     .payload = kJoe,
     .signature =
         "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O"
         "8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARN"
         "PvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ"
         "1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
     .is_claims_set = true},
    {.source = "RFC 7515 A.3",
     .key_set = k7515P256,
     .algorithm = "ES256",
     .header = "eyJhbGciOiJFUzI1NiJ9",
     .payload = kJoe,
     .signature =
         "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
     .is_claims_set = true},
    {.source = "RFC 7515 A.4",
     .key_set = k7515P521,
     .algorithm = "ES512",
     .header = "eyJhbGciOiJFUzUxMiJ9",
     .payload = "UGF5bG9hZA",
     .signature =
         "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7X"
         "dtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLze"
         "O_Jn",
     .is_claims_set = false},
    {.source = "RFC 7520 4.1",
     .key_set = k7520Rsa,
     .algorithm = "RS256",
     .header = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
     .payload = kFrodo,
     .signature =
         "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp"
         "83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCr"
         "UCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aX"
         "ic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
     .is_claims_set = false},
    {.source = "RFC 7520 4.2",
     .key_set = k7520Rsa,
     .algorithm = "PS384",
     .header = "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
     .payload = kFrodo,
     .signature =
         "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCd"
         "P6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442Z"
         "dNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1"
         "aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
     .is_claims_set = false},
    {.source = "RFC 7520 4.3",
     .key_set = k7520P521,
     .algorithm = "ES512",
     .header = "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
     .payload = kFrodo,
     .signature =
         "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1"
         "eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu"
         "9xQ2",
     .is_claims_set = false},
    {.source = "RFC 7520 4.4",
     .key_set = k7520Oct,
     .algorithm = "HS256",
     .header = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9",
     .payload = kFrodo,
     .signature = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
     .is_claims_set = false},
    {.source = "RFC 7797 4.1",
     .key_set = k7515Hmac,
     .algorithm = "HS256",
     .header = "eyJhbGciOiJIUzI1NiJ9",
     .payload = "JC4wMg",
     .signature = "5mvfOroL-g7HyqJoozehmsaqmvTYGEq5jTI1gVvoEoQ",
     .is_claims_set = false},
    {.source = "RFC 8037 A.4",
     .key_set = k8037Ed25519,
     .algorithm = "EdDSA",
     .header = "eyJhbGciOiJFZERTQSJ9",
     .payload = "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     .signature =
         "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
     .is_claims_set = false},
}};

inline constexpr std::array<RefusedToken, 10> kRefusedTokens{{
    {.source = "RFC 7515 A.5, RFC 7519 6.1",
     .key_set = k7515Hmac,
     .refusal = Refusal::kForm,
     .token =
         "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcG"
         "xlLmNvbS9pc19yb290Ijp0cnVlfQ."},
    {.source = "RFC 7515 A.5 with the signature of A.1",
     .key_set = k7515Hmac,
     .refusal = Refusal::kAlgorithm,
     .token =
         "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcG"
         "xlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
    {.source = "RFC 7515 A.6",
     .key_set = k7515Rsa,
     .refusal = Refusal::kForm,
     .token =
         R"({"payload":")"
         "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ij"
         "p0cnVlfQ"
         R"(","signatures":[{"protected":"eyJhbGciOiJSUzI1NiJ9",)"
         R"("header":{"kid":"2010-12-29"},"signature":")"
         "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O"
         "8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARN"
         "PvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ"
         "1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
         R"("},{"protected":"eyJhbGciOiJFUzI1NiJ9",)"
         R"("header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":")"
         "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
         R"("}]})"},
    {.source = "RFC 7515 A.7",
     .key_set = k7515P256,
     .refusal = Refusal::kForm,
     .token =
         R"({"payload":")"
         "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ij"
         "p0cnVlfQ"
         R"(","protected":"eyJhbGciOiJFUzI1NiJ9",)"
         R"("header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":")"
         "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
         R"("})"},
    {.source = "RFC 7515 E",
     .key_set = k7515Hmac,
     .refusal = Refusal::kForm,
     .token =
         "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dH"
         "A6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA."},
    {.source = "RFC 7515 E with the signature of A.1",
     .key_set = k7515Hmac,
     .refusal = Refusal::kCritical,
     .token =
         "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dH"
         "A6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW"
         "1gFWFOEjXk"},
    {.source = "RFC 7519 A.1",
     .key_set = k7515Rsa,
     .refusal = Refusal::kEncrypted,
     .token =
         "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.QR1Owv2ug2WyPBnbQrRARTeEk9kDO2w8qD"
         "cjiHnSJflSdv1iNqhWXaKH4MqAkQtMoNfABIPJaZm0HaA415sv3aeuBWnD8J-Ui7Ah6cWafs3ZwwFKDFUUsWHS"
         "K-IPKxLGTkND09XyjORj_CHAgOPJ-Sd8ONQRnJvWn_hXV1BNMHzUjPyYwEsRhDhzjAD26imasOTsgruobpYGoQ"
         "cXUwFDn7moXPRfDE8-NoQX7N7ZYMmpUDkR-Cx9obNGwJQ3nM52YCitxoQVPzjbl7WBuB7AohdBoZOdZ24WlN1l"
         "VIeh8v1K4krB8xgKvRU8kgFrEn_a1rZgN5TiysnmzTROF869lQ.AxY8DCtDaGlsbGljb3RoZQ.MKOle7UQrG6n"
         "SxTLX6Mqwt0orbHvAKeWnDYvpIAeZ72deHxz3roJDXQyhxx0wKaMHDjUEOKIwrtkHthpqEanSBNYHZgmNOV7sl"
         "n1Eu9g3J8.fiK51VwhsxJ-siBMR-YFiA"},
    {.source = "RFC 7520 4.5",
     .key_set = k7520Oct,
     .refusal = Refusal::kForm,
     .token =
         "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9..s0h6"
         "KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"},
    {.source = "RFC 7797 4.2",
     .key_set = k7515Hmac,
     .refusal = Refusal::kForm,
     .token =
         "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..A5dxf2s96_n5FLueVuW1Z_vh161F"
         "wXZC4YLPff6dmDY"},
    {.source = "RFC 7797 4.2 with the payload of 4.1",
     .key_set = k7515Hmac,
     .refusal = Refusal::kCritical,
     .token =
         "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19.JC4wMg.A5dxf2s96_n5FLueVuW1Z_"
         "vh161FwXZC4YLPff6dmDY"},
}};

inline const std::array<KeySetExample, 9> kKeySets{{
    {"RFC 7515 A.4", k7515P521, {{"P-521", ""}}},
    {"RFC 7517 A.1", k7517Public, {{"RSA", "2011-04-29"}}},
    {"RFC 7517 A.3", k7517Symmetric, {{"oct", "HMAC key used in JWS A.1 example"}}},
    {"RFC 7517 B", k7517Certificate, {{"RSA", "1b94c"}}},
    {"RFC 7520 3.2", k7520P521, {{"P-521", "bilbo.baggins@hobbiton.example"}}},
    {"RFC 7520 3.4", k7520Rsa, {{"RSA", "bilbo.baggins@hobbiton.example"}}},
    {"RFC 7520 3.5, 3.6", k7520Oct, {{"oct", "018c0ae5-4d9b-471b-bfd6-eef314bc7037"}}},
    {"RFC 8037 A.1", k8037Ed25519, {{"Ed25519", ""}}},
    {"RFC 8037 A.6", k8037X25519, {}},
}};

}  // namespace gatehouse::test::rfc
