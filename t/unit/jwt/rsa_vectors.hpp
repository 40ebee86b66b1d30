#pragma once

#include <string_view>

// Signatures by the key of RFC 7520 3.4 that no standard prints, in hexadecimal.

namespace gatehouse::test::rsa {

inline constexpr std::string_view kMessage = "a message";

// PS256: right in everything, and beginning with a zero octet, as one in 256 does.
inline constexpr std::string_view kPssLeadingZero =
    "00318227d127b5391886981d554d8b417a187c854732b6b5f18f555898b79dd566c4805fc639ee0eb753954d"
    "2c8b68774edf6bc1d01335b494a9c178907768de06ac816c2e5c0bfaa46f1618d0c84880d23e34fb331106a4"
    "9639dd373766d8e8aae0b3208a2239e8bf5932d0cbf762936fc3cce586530a839b1046885cdc8e0f21ff9c63"
    "99b9e770f08e1fc3595e7ac8e053071e1cc09a3badd43cc4a4bf1643f6cf15cb9b492d681e9985c650d3fb43"
    "43e8fb283bd37bbb2612177140942bb5e5e0e474f2a233ae4a580e5bb7c0b1913fa2b6d2d6be71b129eb6c8c"
    "eb860e1d87bea56f153400ae5ff97e1fb4a7a033f7ef07266e1d763aa40430e69ea06d89";

// RSASSA-PSS with SHA-256 and an empty salt: RFC 7518 section 3.5 wants 32 octets.
inline constexpr std::string_view kPssNoSalt =
    "948be6088a1ce01ff2f850e7a9508c2b3ff38a7af15f572b5e86122110f375e9d878ae376dfd830a7c942e40"
    "0ce0cad745d2edae0d36fc72b0d3408d2d81d187ff8f54e9049c545dd9b1702ccdf81c3170a49e482c4ebe1f"
    "08814701e45aae13d092475f8e8f2730ac7522dcc61bf5100a2abd9d7bdad40b64f10b8835573312cac43354"
    "25619850da257085a4d6b6acda6e71aaf029fc2c0fe76bdc15c5c3543aa891ede565cd67e3906267e479858c"
    "65d3590a09d87a29403becc13d1f36d570d2877783ce8e30d88876bd6cdbb00625df7e66ef9ecc605be0487a"
    "5167035e2f2561cc419cd72ebdbbf81b32fd334e004feb72be05342d7ce2c47a40943af3";

// With the longest salt that fits.
inline constexpr std::string_view kPssLongSalt =
    "9bcf3216250a21ac77be0a681be23d8ae158cbcd5bbb2308098076a7f17c67d65d47ecce1d61be0ba6c7047f"
    "5445a8da104055b0a0d1e0c09fa581b00c2d5ccdd189148a8c57c4220583ffaca42847ac8ea197733d770d68"
    "8ae794faa5b3787b89fa0d85296e34c4057e3ed1d0cd4cd8eb92bd5bd2ac728809b970573ef9c8db2da1a95f"
    "6e98f03cee9b31476188fd2c7bff39381ce4065c5521c42808a3c67a58203d693e018b4ac988adc4e49bb1af"
    "9fb6fbae06daf337ab539089a79f5288ad18ef387e357d2e812a11892f0724c6a4b57dc059634e5bfee6a929"
    "c33da71826316e47d0ea6b1eb5417252225a4fe981af91ea2c0b44e1a566a4e96779b570";

// With MGF1 over SHA-1.
inline constexpr std::string_view kPssOtherMask =
    "562c1f15bc73d4d9502124f5010a9fcb38ede00fca8c61974e0528e9f992699b8a18830fbdeb2a2d1f5e7b27"
    "726919d58ed3b2e9de4f610f6f25e75f8d13c9d91036ac790ce23dddb306f106afb3500f3aa3199ffaca23c1"
    "c148e3c304452fa68a8c2b510490660dc68ed7bdee36193ca63e056c9733e62c9cce2d464e95b67ecd6707e8"
    "16d26a1b9dccb7c5d4e4083ff4f9ff6dd795f5e2bfb72c9345aa9d004f6828c5ba732ac4e4b52ffc0082e411"
    "b1d5a4afcd6a342dd8817edf9e4f5673105714a6a554fb6ee1ec3998ac74aefed0e4e9acc76fc3a6f84e74aa"
    "e2f5decc9ff06f1ad2b781beba56e646d4e2675a7a7ee9a51a54fef9cec05c6cfaacda2b";

// RS256 over a message whose signature begins with a zero octet.
inline constexpr std::string_view kZeroMessage = "message 128";
inline constexpr std::string_view kPkcs1LeadingZero =
    "00c5694e9ea59c3fda97e7615c45ff62c98e8785424e0a1fb04d3dd46238979aac4d3f5de8a70c810d6c9576"
    "3bb79c077e2b5dad636fb500e63b1693ae5d291bdf0cc22ac53dd120918f32847a819a08d8609846831cbd9c"
    "7d3e6f45e26df08c4c6be7668c74e5ee3b22cc372b5334de657746b548d8ab64ce100ce2bb89391f2effc20d"
    "0291357deab9da5345c19de2842b5b28c7744ab8d7e6fc1948e25bbb72899986cef06617f0fa00e5c38bcaf4"
    "09079c8dc93e01ce9557b34ceb5db7c1e1d50304874c972c46f3039208f1b60be9fab2008610a00852a6118b"
    "70d02dc62596c582894de58f42b5ca0b0e75c69ea26add5c9304d453af87d39ec084adcb";

}  // namespace gatehouse::test::rsa
